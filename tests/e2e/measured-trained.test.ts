import * as fs from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BudgetVerdict } from "../../src/analysis/quality/measured-frontier.ts";
import { readMeasuredFrontier } from "../../src/analysis/quality/measured-frontier-json.ts";
import { REPOSITORY, TestWorkspace } from "../rig/workspace.ts";

/** `proven` in conf/quality/int3_int4_int8.yaml. */
const PROVEN = 1.2;

/** Hundreds of plans on real ModelOpt take minutes: `npm run test:soak -- --only quality`. */
describe.runIf(process.env["AQM_SOAK"] === "1")("plans that are measured", () => {
  let workspace: TestWorkspace;
  const targetOf = (model: string): string =>
    `models/${model}/quality/int3_int4_int8/${model}_int3_int4_int8_lm_medium/measured-frontier.json`;
  const verdictsOf = (model: string): readonly BudgetVerdict[] => {
    const read = readMeasuredFrontier(workspace.read(targetOf(model)));
    if (!read.ok) throw new Error(read.error.message);
    return read.value.verdicts;
  };
  const [trained, untrained] = ["qwen3_vl_trained", "qwen3_vl_tiny"];

  beforeAll(async () => {
    workspace = TestWorkspace.copyOfRepository();
    // The copy has one budget a config; here all of them are measured.
    fs.cpSync(join(REPOSITORY, "conf/quality"), workspace.path("conf/quality"), {
      recursive: true,
    });
    const checkpoint = `models/${trained}/checkpoint`;
    for (const path of [checkpoint, `aqm.lock/${checkpoint}.json`])
      fs.cpSync(join(REPOSITORY, path), workspace.path(path), { recursive: true });
    const { code } = await workspace.build([targetOf(trained), targetOf(untrained)]);
    expect(code).toBe(0);
  });
  afterAll(() => workspace.remove());

  it("are proven on the trained model where INT3 decides, by a factor of 2 or more", () => {
    const where = verdictsOf(trained).filter(({ budget }) => budget < 4.25);
    expect(where.map(({ word }) => word)).toEqual(where.map(() => "proven"));
    expect(Math.min(...where.map(({ factor }) => factor.value))).toBeGreaterThan(2);
  });

  it("are better than chance on the trained model at the size of INT4", () => {
    const at = verdictsOf(trained).find(({ budget }) => budget === 4.25);
    expect(at?.factor.low).toBeGreaterThan(1);
  });

  it("differ from chance less often on random weights, by smaller factors, and are proven at none", () => {
    const median = (model: string): number => {
      const factors = verdictsOf(model).map(({ factor }) => factor.value);
      return factors.toSorted((a, b) => a - b)[factors.length >> 1] ?? NaN;
    };
    const above = (model: string): number =>
      verdictsOf(model).filter(({ factor }) => factor.low > PROVEN).length;
    expect(above(untrained)).toBeLessThan(above(trained));
    expect(median(untrained)).toBeLessThan(median(trained));
    expect(verdictsOf(untrained).map(({ word }) => word)).not.toContain("proven");
  });
});
