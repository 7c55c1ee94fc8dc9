import { describe, expect, it } from "vitest";
import { describeAction } from "../../src/keys/describe.ts";
import { partialIdentity } from "../../src/keys/partial.ts";
import { digestOfBytes, type Digest } from "../../src/model/digest.ts";
import type { EnvironmentDescription } from "../../src/model/record.ts";
import { graphOf, nodeOf, type Sketch } from "./support/graphs.ts";

/* What may share partial results: runs that differ in bounds and outputs, and in nothing else. */

interface Case {
  readonly sketch?: Partial<Sketch>;
  readonly input?: string;
  readonly source?: string;
  readonly version?: number;
  readonly environment?: Partial<EnvironmentDescription>;
  readonly bounds?: readonly string[];
}

function identity(given: Case = {}): Digest {
  const params = { seed: 1, max_items: 10 };
  const graph = graphOf({ makes: "out", from: ["in"], python: "py", params, ...given.sketch });
  const [target = ""] = graph.byOutput.keys();
  const description = describeAction(
    nodeOf(graph, target),
    { in: digestOfBytes(given.input ?? "in") },
    {
      version: given.version ?? 1,
      code: null,
      sources: { "ops/copy.py": digestOfBytes(given.source ?? "code") },
    },
    { name: "py", lock: digestOfBytes("lock"), variables: { A: "1" }, ...given.environment },
  );
  return partialIdentity(description, { bounds: given.bounds ?? ["max_items"] });
}

const same: readonly (readonly [string, Case])[] = [
  ["a bound", { sketch: { params: { seed: 1, max_items: 600 } } }],
  ["no bound", { sketch: { params: { seed: 1, max_items: null } } }],
  ["the output's path", { sketch: { makes: "elsewhere/out" } }],
  ["where its input lies", { sketch: { from: { in: { path: "moved", kind: "file" } } } }],
  ["devices", { sketch: { gpu: 2 } }],
  ["a batch", { sketch: { batch: { apart: ["seed"] } } }],
  ["what makes members of a batch alike", { sketch: { batch: { apart: ["seed"], alike: "a" } } }],
];

const others: readonly (readonly [string, Case])[] = [
  ["a param", { sketch: { params: { seed: 2, max_items: 10 } } }],
  ["one more param", { sketch: { params: { seed: 1, max_items: 10, more: 0 } } }],
  ["an input's content", { input: "other" }],
  ["a source of the op", { source: "other" }],
  ["the op's version", { version: 2 }],
  ["the op", { sketch: { op: "other" } }],
  ["the environment's lock", { environment: { lock: digestOfBytes("other") } }],
  ["a variable", { environment: { variables: { A: "2" } } }],
  ["what is a bound", { bounds: ["seed"] }],
];

describe("the identity of partial results", () => {
  it.each(same)("is the same with another value of: %s", (_, given) => {
    expect(identity(given)).toBe(identity());
  });

  it.each(others)("is another one with another value of: %s", (_, given) => {
    expect(identity(given)).not.toBe(identity());
  });
});
