import { describe, expect, it } from "vitest";
import { modulePath, shownPath, sourceName } from "../../src/host/code/source-name.ts";
import { layoutOf } from "../../src/host/disk/layout.ts";
import { explain } from "../../src/plan/compare.ts";
import type { ActionRecord } from "../../src/model/record.ts";
import { digestOfBytes } from "../../src/model/digest.ts";
import { describeAction } from "../../src/keys/describe.ts";
import { graphOf } from "./support/graphs.ts";

const installed = layoutOf("/home/me/work", "/home/me/work/node_modules/aqm");
const checkout = layoutOf("/src/aqm", "/src/aqm");

describe("the name of a source", () => {
  it.each([
    ["/home/me/work/node_modules/aqm/src/analysis/report/x.ts", "aqm/analysis/report/x.ts"],
    ["/home/me/work/node_modules/aqm/rules/ops/x.ts", "aqm/rules/ops/x.ts"],
    ["/home/me/work/node_modules/yaml/index.js", "npm:yaml/index.js"],
    ["/home/me/work/node_modules/aqm/node_modules/yaml/index.js", "npm:yaml/index.js"],
    ["/home/me/work/rules/ops/x.ts", "rules/ops/x.ts"],
    ["/home/me/work/..odd/x.ts", "..odd/x.ts"],
    ["/home/me/work/aqm/analysis/report/x.ts", "./aqm/analysis/report/x.ts"],
    ["/home/me/other/x.ts", "outside:x.ts"],
  ])("of %s is %s", (path, name) => {
    expect(sourceName(installed, path)).toBe(name);
  });

  it("is the same in a checkout", () => {
    expect(sourceName(checkout, "/src/aqm/src/analysis/report/x.ts")).toBe(
      "aqm/analysis/report/x.ts",
    );
    expect(sourceName(checkout, "/src/aqm/rules/ops/x.ts")).toBe("aqm/rules/ops/x.ts");
  });
});

it("a rule names an op in the workspace, or one that comes with aqm", () => {
  expect(modulePath(installed, "rules/ops/x.ts")).toBe("/home/me/work/rules/ops/x.ts");
  expect(modulePath(installed, "aqm/rules/ops/x.ts")).toBe(
    "/home/me/work/node_modules/aqm/rules/ops/x.ts",
  );
});

it("people see a file that they can open", () => {
  expect(shownPath(checkout, "/src/aqm/rules/ops/x.ts")).toBe("rules/ops/x.ts");
  expect(shownPath(layoutOf("/home/me", "/src/aqm"), "/src/aqm/rules/ops/x.ts")).toBe(
    "/src/aqm/rules/ops/x.ts",
  );
});

it("a cause names the file of a source that changed, and the module of one that is no longer used", () => {
  const [node] = graphOf({ makes: "out" }).actions;
  if (node === undefined) throw new Error("no action");
  const described = (sources: Readonly<Record<string, string>>) => {
    const digests = Object.entries(sources).map(
      ([name, text]) => [name, digestOfBytes(text)] as const,
    );
    const files = { "aqm/a.ts": "node_modules/aqm/src/a.ts" };
    return { version: 1, code: null, sources: Object.fromEntries(digests), files };
  };
  const before = described({ "aqm/a.ts": "1", "aqm/gone.ts": "1" });
  const now = described({ "aqm/a.ts": "2" });
  const record = { action: describeAction(node, {}, before, null), input_paths: {} };
  const causes = explain(
    record as unknown as ActionRecord,
    describeAction(node, {}, now, null),
    node,
    now,
  );
  expect(causes).toMatchObject([
    { field: 'op.sources["aqm/a.ts"]', path: "node_modules/aqm/src/a.ts" },
    { field: 'op.sources["aqm/gone.ts"]', path: "aqm/gone.ts" },
  ]);
});
