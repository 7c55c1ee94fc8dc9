import * as fs from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { aqmArguments, commandsOf } from "../rig/documented.ts";
import { REPOSITORY, TestWorkspace } from "../rig/workspace.ts";

/** The README and the tutorial, done as they say; only vLLM is left out, whose environment has 8.9 GB. */
const steps = ["README.md", "docs/tutorial.md"].flatMap((document) =>
  commandsOf(document).flatMap((documented) => {
    const given = aqmArguments(documented);
    return given === null || given.some((word) => /…|\/serving\//.test(word))
      ? []
      : [{ where: documented.where, command: documented.command, given }];
  }),
);

describe("what a newcomer types", () => {
  let workspace: TestWorkspace;
  beforeAll(() => {
    workspace = TestWorkspace.copyOfRepository();
    // With the whole grids, and all results that are committed: as a clone has them.
    for (const path of [
      "conf",
      "context",
      "models/qwen3_vl_trained",
      "datasets/synthetic_calibration",
      "aqm.lock",
    ])
      fs.cpSync(join(REPOSITORY, path), workspace.path(path), { recursive: true });
  });
  afterAll(() => workspace.remove());

  it.each(steps)("$where: $command", async ({ given }) => {
    const { code, stdout, stderr } = await workspace.aqm(given);
    expect({ code, said: code === 0 ? "" : `${stdout}\n${stderr}` }).toEqual({ code: 0, said: "" });
  });
});
