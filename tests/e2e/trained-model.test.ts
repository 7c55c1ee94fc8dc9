import * as fs from "node:fs";
import { basename, dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pythonClosure } from "../../src/host/code/python-closure.ts";
import { valueOf } from "../engine/support/results.ts";
import { WIDE } from "../rig/wide.ts";
import { REPOSITORY, TestWorkspace, type Finished } from "../rig/workspace.ts";

/**
 * The checkpoint of the trained model is committed with its record. An edit of a file that its op imports makes the
 * record stale; docs/trained-model.md says which files these are, and how the model is trained again.
 */
const CHECKPOINT = "models/qwen3_vl_trained/checkpoint";
const RECORD = `aqm.lock/${CHECKPOINT}.json`;

describe("the trained model", () => {
  it("has a page that names every file whose edit trains it again", () => {
    const page = fs.readFileSync(join(REPOSITORY, "docs/trained-model.md"), "utf8");
    const files = valueOf(
      pythonClosure(join(REPOSITORY, "python"), "aqm_runner/ops/trained_checkpoint.py"),
    ).filter((path) => !path.endsWith("__init__.py"));
    for (const path of files) expect(page).toContain(`python/${dirname(path)}/`);
    const named = [...page.matchAll(/`(?:python\/aqm_runner\/\w+\/)?(\w+\.py)`/g)]
      .flatMap(([, name = ""]) => name)
      .filter((name) => name !== "__init__.py");
    expect(named.sort()).toEqual(files.map((path) => basename(path)).sort());
  });
});

/** What is published is fresh: `published.test.ts`. */
describe.runIf(WIDE)("the trained model in a clone", () => {
  let clone: TestWorkspace;
  /** Neither an interpreter nor a cache with environments, so that a plan cannot have asked Python. */
  const env = { PATH: "", AQM_PYTHON: "", AQM_CACHE: "/nowhere" };
  const plan = (): Promise<Finished> =>
    clone.aqm(["build", "--dry-run", "--check", CHECKPOINT], { env });

  beforeAll(() => {
    clone = TestWorkspace.copyOfRepository();
    clone.onlyModels("qwen3_vl_trained");
    for (const path of [CHECKPOINT, RECORD]) {
      fs.cpSync(join(REPOSITORY, path), clone.path(path), { recursive: true });
    }
  });
  afterAll(() => clone.remove());

  it("is fresh: nothing trains it again", async () => {
    const { code, stdout } = await plan();
    expect({ code, stdout }).toEqual({ code: 0, stdout: "0 to run, 1 fresh\n" });
  });

  it("is trained again for another seed, and says so", async () => {
    clone.edit("conf/model/qwen3_vl_trained.yaml", "seed: 42", "seed: 43");
    const { code, stdout } = await plan();
    expect(code).toBe(10);
    expect(stdout).toContain("params.seed: 42 → 43");
  });
});
