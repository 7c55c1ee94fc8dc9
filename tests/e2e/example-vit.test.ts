import * as fs from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WIDE } from "../rig/wide.ts";
import { REPOSITORY, TestWorkspace } from "../rig/workspace.ts";

/** The example of docs/other-models.md, without Python; `example-vit.engines.test.ts` builds it. */
const EXAMPLE = join(REPOSITORY, "examples/vit");

let workspace: TestWorkspace;
beforeAll(() => {
  workspace = TestWorkspace.create({});
  for (const name of ["Aqmfile.ts", "conf", "rules"])
    fs.cpSync(join(EXAMPLE, name), workspace.path(name), { recursive: true });
});
afterAll(() => workspace.remove());

describe("a workspace elsewhere, with rules that come with aqm", () => {
  it.runIf(WIDE)(
    "is declared whole: scores of three pairs, what is made of each, and a plan",
    async () => {
      const { code, stdout, stderr } = await workspace.aqm(["build", "--dry-run"]);
      expect(stderr).toBe("");
      expect(code).toBe(0);
      const targets = [...stdout.matchAll(/^run +(\S+)/gm)].map(([, target = ""]) => target);
      const ending = (name: string) => targets.filter((target) => target.endsWith(name));
      expect(ending("/sensitivity-scores.json")).toHaveLength(3);
      expect(ending("_quant_manifest.json")).toHaveLength(3);
      for (const kind of ["md", "json", "html"])
        expect(ending(`/per-layer-sensitivity.${kind}`)).toHaveLength(3);
      expect(ending("/bit-plan.json")).toHaveLength(1);
      expect(stdout).toContain(`${targets.length} to run, 0 fresh`);
    },
  );

  it("has the settings of the model in its configs, checked by its own schemas", async () => {
    workspace.edit("conf/model/vit_tiny.yaml", "family: vit", "family: qwen3_vl");
    const { code, stdout, stderr } = await workspace.aqm(["build", "--dry-run"]);
    workspace.edit("conf/model/vit_tiny.yaml", "family: qwen3_vl", "family: vit");
    expect(code).not.toBe(0);
    expect(stdout + stderr).toContain("conf/model/vit_tiny.yaml");
  });
});

describe("what the example copies", () => {
  const copied = ["quant_pair", "granularity", "schema"].flatMap((group) =>
    fs.readdirSync(join(EXAMPLE, "conf", group)).map((name) => `conf/${group}/${name}`),
  );

  it.each(copied.filter((path) => !/(?:model|vit)\.schema\.json$/.test(path)))(
    "is as it is in this repository: %s",
    (path) => {
      const textIn = (root: string): string => fs.readFileSync(join(root, path), "utf8");
      expect(textIn(EXAMPLE)).toBe(textIn(REPOSITORY));
    },
  );
});
