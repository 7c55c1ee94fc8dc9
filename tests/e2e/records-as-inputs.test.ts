import * as fs from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WIDE } from "../rig/wide.ts";
import { TestWorkspace } from "../rig/workspace.ts";

/** A text is measured; a report has what was measured, and what the record says of the measuring. */
let workspace: TestWorkspace;
const [LENGTH, REPORT] = ["out/length.txt", "out/report.json"];

const aqmfile = (
  record: string,
): string => `import { action, build, committed, file, from, recordOf, typescriptOp } from "aqm";
const measure = typescriptOp<typeof import("./rules/ops/measure.ts")>("rules/ops/measure.ts");
const report = typescriptOp<typeof import("./rules/ops/report.ts")>("rules/ops/report.ts");
const length = action({ op: measure, params: {}, inputs: { text: file("a.txt") }, outputs: { length: committed("${LENGTH}") } });
export default build([
  length,
  action({ op: report, params: {}, inputs: { length: from(length, "length"), record: ${record} }, outputs: { report: committed("${REPORT}") } }),
]);
`;

const measure = (
  version: number,
): string => `import { ok, type OpCall, type OpFailure, type OpOutputs, type Result } from "aqm";
export const version = ${version};
export function run({ inputs }: OpCall<object, "text">): Result<OpOutputs<"length">, OpFailure> {
  return ok({ length: inputs.text.text().trim().length + "\\n" });
}
`;

beforeEach(() => {
  workspace = TestWorkspace.create({
    "a.txt": "one\n",
    "rules/ops/measure.ts": measure(1),
    "rules/ops/report.ts": `import { ok, type OpCall, type OpFailure, type OpOutputs, type Provenance, type Result } from "aqm";
export const version = 1;
export function run({ inputs: { length, record } }: OpCall<object, "length" | "record">): Result<OpOutputs<"report">, OpFailure> {
  const of = record.isThere() ? (JSON.parse(record.text()) as Provenance) : null;
  return ok({ report: JSON.stringify({ length: length.text().trim(), day: of?.made_on ?? "none", seconds: typeof of?.cost.seconds }) });
}
`,
    "Aqmfile.ts": aqmfile("recordOf(length)"),
  });
});
afterEach(() => workspace.remove());

const report = (): unknown => JSON.parse(workspace.read(REPORT));
const today = (): string => new Date().toISOString().slice(0, 10);
const made = (): { readonly made_on: string } =>
  JSON.parse(workspace.read(`aqm.lock/${LENGTH}.json`)) as { readonly made_on: string };

describe("an action that reads what is recorded of another", () => {
  it("has the day and the cost, and is as fresh as that record", async () => {
    const before = today();
    expect((await workspace.build()).ran).toEqual([LENGTH, REPORT]);
    expect([before, today()]).toContain(made().made_on); // it may be midnight
    expect(report()).toEqual({ length: "3", day: made().made_on, seconds: "number" });
    expect((await workspace.build()).ran).toEqual([]);
    expect((await workspace.build(["--json"])).ran).toEqual([]);
    for (const check of [[], ["--rerun"]])
      expect((await workspace.aqm(["verify", ...check, REPORT])).code).toBe(0);

    // Measured anew for another reason, with the same outcome: the record is another one.
    workspace.write("rules/ops/measure.ts", measure(2));
    const again = await workspace.build();
    expect(again.ran[0]).toBe(LENGTH);
    expect((await workspace.build()).ran).toEqual([]);
    // Back, its first record counts again, and the report made from that is known.
    workspace.write("rules/ops/measure.ts", measure(1));
    expect((await workspace.build()).ran).toEqual([]);
  });

  it.runIf(WIDE)("sees a record that another day or branch brought, and says so", async () => {
    await workspace.build();
    const path = `aqm.lock/${LENGTH}.json`;
    fs.rmSync(workspace.path(path));
    const dry = await workspace.aqm(["build", "--dry-run", REPORT]);
    expect(dry.stdout).toContain(LENGTH); // it has no record: the history knows it
    expect((await workspace.build()).ran).toEqual([]);
    expect(report()).toMatchObject({ day: made().made_on });
  });

  it("keeps the day and the cost of a result that comes out again as it was", async () => {
    await workspace.build();
    const before = workspace.read(`aqm.lock/${LENGTH}.json`);
    fs.rmSync(workspace.path(LENGTH));
    fs.rmSync(workspace.path(".aqm"), { recursive: true });
    expect((await workspace.build()).ran).toEqual([LENGTH]);
    expect(workspace.read(`aqm.lock/${LENGTH}.json`)).toBe(before);
  });

  it("is not a Python op, and names what action(…) returned", async () => {
    workspace.write("Aqmfile.ts", aqmfile('recordOf("length" as never)'));
    const wrong = await workspace.aqm(["build"]);
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain('recordOf(…) was given the text "length"');
    workspace.write(
      "Aqmfile.ts",
      aqmfile("recordOf(length)").replace(
        /const report = .*/,
        'import { environment, pythonOp } from "aqm";\nconst report = pythonOp("report", environment({ name: "e", requirements: "r.txt", lock: "l.txt" }));',
      ),
    );
    const python = await workspace.aqm(["build"]);
    expect(python.code).toBe(2);
    expect(python.stderr).toContain("The input record of a Python op is a record");
  });
});
