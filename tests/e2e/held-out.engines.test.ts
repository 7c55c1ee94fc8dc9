import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { BuildEvent } from "../../src/model/event.ts";
import { TestWorkspace } from "../rig/workspace.ts";

/**
 * The repository's own rules and ops: what a plan is measured on must not be what calibration has seen, however
 * it came there.
 */
const AQMFILE = `
import { action, build, file, local, type Input } from "aqm";
import { calibration } from "./rules/calibration.ts";
import { checkpoint } from "./rules/checkpoint.ts";
import { planQuality } from "./rules/plan-quality.ts";

const data = calibration("synthetic_coco");
const { files } = checkpoint("qwen3_vl_tiny");
const weights = { quantizer_name: "*weight_quantizer", cfg: { num_bits: 8, axis: 0 } };
const off = { quantizer_name: "*", enable: false };
const measured = (held_out: Input, name: string) =>
  action({
    op: planQuality,
    params: {
      scope: "lm",
      candidates: [{ name: "wint8_afp16", config: { quant_cfg: [off, weights], algorithm: "max" } }],
      dtype: "float32",
      calibration: { samples: null, batch_size: 4, sequence_length: 64, padding: "max_length" },
      measure: { batch_size: 16, sequence_length: 64, least_tokens: 1, resamples: 100, seed: 0 },
      include_lm_head: false,
      attention: "deterministic",
    },
    inputs: {
      checkpoint: files,
      plan: file("plan.json"),
      database: data.subsets.small.database,
      sample: data.sample,
      held_out,
    },
    outputs: { quality: local(\`out/\${name}.json\`) },
  });

export default build([
  measured(data.subsets.large.database, "subset"),
  measured(file("placed/held-out.db"), "placed"),
]);
`;
const PLAN = {
  schema: 1,
  groups: [{ name: "anything", modules: ["anything"] }],
  plans: [{ name: "uniform", formats: ["wint8_afp16"] }],
};
const DATA = "datasets/synthetic_calibration";

/** Gives the first row of a held-out set the caption of the last one of the full sample. */
const SWAP = `
import sqlite3, sys
full, held_out = (sqlite3.connect(path) for path in sys.argv[1:])
(caption,) = full.execute("SELECT caption FROM vlm_calib_samples ORDER BY id DESC").fetchone()
held_out.execute("UPDATE vlm_calib_samples SET caption = upper(?) WHERE id = 1", (caption,))
held_out.commit()
`;

let workspace: TestWorkspace;
beforeAll(async () => {
  workspace = TestWorkspace.copyOfRepository();
  const made = await workspace.build([`${DATA}/held_out_report.db`]);
  expect(made.code).toBe(0);
  workspace.write("Aqmfile.ts", AQMFILE);
  workspace.write("plan.json", JSON.stringify(PLAN));
  fs.mkdirSync(workspace.path("placed"));
  fs.copyFileSync(
    workspace.path(`${DATA}/held_out_report.db`),
    workspace.path("placed/held-out.db"),
  );
  const paths = [`${DATA}/coco2017_vlm_calib.db`, "placed/held-out.db"];
  const { status, stderr } = spawnSync("python3", [
    "-c",
    SWAP,
    ...paths.map((path) => workspace.path(path)),
  ]);
  expect(stderr.toString()).toBe("");
  expect(status).toBe(0);
});
afterAll(() => workspace.remove());

const failures = (events: readonly BuildEvent[]) =>
  events.flatMap((event) => (event.type === "action_failed" ? [event] : []));

it("a measurement on what calibration has seen fails at a gate and records nothing", async () => {
  const built = await workspace.build(["-k", "out"]);
  expect(built.code).toBe(1);
  const found = failures(built.events);
  expect(found.map(({ failure }) => failure.reason)).toEqual(["gate_failed", "gate_failed"]);
  const message = (name: string): string =>
    JSON.stringify(found.find(({ target }) => target === `out/${name}.json`)?.failure);
  // A rule that takes a calibration subset for a held-out set.
  expect(message("subset")).toContain(
    `${DATA}/coco2017_vlm_calib_large.db and ${DATA}/coco2017_vlm_calib_small.db share 16 images`,
  );
  expect(message("subset")).toContain("and 16 captions");
  // A database swapped by hand; the caption is in no small subset, but in the sample that it comes from.
  expect(message("placed")).toContain(
    `placed/held-out.db and ${DATA}/coco2017_vlm_calib.db share 1 caption (the first is '`,
  );
  for (const name of ["subset", "placed"]) {
    expect(message(name)).toContain("held_out_overlaps");
    expect(message(name)).toContain("Build both databases again");
    expect(workspace.exists(`out/${name}.json`)).toBe(false);
    expect(workspace.exists(`aqm.lock/out/${name}.json.json`)).toBe(false);
  }
});
