import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { action, committed, file, typescriptOp } from "../../src/index.ts";
import type { OpCall, OpFailure, OpOutputs, Result } from "../../src/index.ts";

/** Modules of ops as a rule names them; `tsc` reads this file, so each expected error is one. */
interface Whole {
  readonly version: number;
  readonly run: (
    call: OpCall<{ count: number }, "manifest">,
  ) => Result<OpOutputs<"report">, OpFailure>;
}
interface NoVersion {
  readonly run: Whole["run"];
}
interface OtherRun {
  readonly version: number;
  readonly run: (text: string) => number;
}

const PATH = "rules/ops/report.ts";
const inputs = { manifest: file("manifest.json") };
const outputs = { report: committed("report.md") };

/** An action asks the loader, which is not here. */
const before = globalThis.aqmDeclareHost;
beforeAll(() => void (globalThis.aqmDeclareHost = { configuration: {}, trace: false }));
afterAll(() => void (globalThis.aqmDeclareHost = before));

describe("the type of a TypeScript op", () => {
  it("lets an action have the params and roles that its module names, and no others", () => {
    const op = typescriptOp<Whole>(PATH);
    expect(action({ op, params: { count: 1 }, inputs, outputs }).op).toEqual(op.declaration);
    // @ts-expect-error: a role that the op does not make
    action({ op, params: { count: 1 }, inputs, outputs: { reports: committed("report.md") } });
    // @ts-expect-error: a param of another type
    action({ op, params: { count: "1" }, inputs, outputs });
    // @ts-expect-error: a forgotten input
    action({ op, params: { count: 1 }, inputs: {}, outputs });
  });

  it("is an error where the module has no version", () => {
    // @ts-expect-error: no version
    expect(typescriptOp<NoVersion>(PATH).declaration).toEqual({
      runtime: "typescript",
      module: PATH,
    });
  });

  it("is an error at the action where `run` is not that of an op", () => {
    const op = typescriptOp<OtherRun>(PATH);
    // @ts-expect-error: nothing can be made by it
    expect(() => action({ op, params: {}, inputs, outputs })).not.toThrow();
  });
});
