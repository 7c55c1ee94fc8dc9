import { join } from "node:path";
import fastGlob from "fast-glob";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundleModule, type Bundle } from "../../src/host/code/bundle.ts";
import { layoutOf } from "../../src/host/disk/layout.ts";
import { sample } from "../rig/wide.ts";
import { TestWorkspace } from "../rig/workspace.ts";
import { REPOSITORY } from "./support/folder.ts";
import { valueOf } from "./support/results.ts";

let workspace: TestWorkspace;
beforeAll(() => void (workspace = TestWorkspace.copyOfRepository()));
afterAll(() => workspace.remove());

/** With a source map, which costs less than the digest of the code that is made in its stead. */
const bundled = async (file: string, sourceMap = true): Promise<Bundle> => {
  const layout = layoutOf(workspace.root, workspace.root);
  return valueOf(await bundleModule(layout, workspace.path(file), { sourceMap }));
};

/** What decides the key: the modules that something is left of, but for the op itself. */
const madeOf = ({ inputs }: Bundle, op: string): readonly string[] =>
  inputs
    .flatMap(({ path, used, digest }) =>
      used && path !== workspace.path(op) ? [`${path} ${digest}`] : [],
    )
    .sort();

const pathsOf = ({ inputs }: Bundle): readonly string[] => inputs.map(({ path }) => path);

describe("an op that imports single modules", () => {
  const ops = fastGlob.sync("rules/ops/*.ts", { cwd: REPOSITORY }).sort();

  it.each(sample(ops, 2))(
    "%s is made of what it would be made of through the public doors",
    async (op) => {
      const narrow = await bundled(op);
      const around = "rules/ops/through-the-doors.ts";
      const text = workspace
        .read(op)
        .replaceAll(/"aqm\/analysis\/[^"]+\.ts"/g, '"aqm/analysis"')
        .replaceAll('"aqm/model/result.ts"', '"aqm"');
      workspace.write(around, text);
      const wide = await bundled(around);
      expect(madeOf(narrow, op)).toEqual(madeOf(wide, around));
      const known = new Set(pathsOf(wide));
      expect(
        pathsOf(narrow).filter((path) => path !== workspace.path(op) && !known.has(path)),
      ).toEqual([]);
    },
  );

  it("does not know the writers that it does not use", async () => {
    const writer = join(workspace.root, "src/analysis/report/markdown-report.ts");
    expect(pathsOf(await bundled("rules/ops/markdown-report.ts"))).toContain(writer);
    expect(pathsOf(await bundled("rules/ops/json-report.ts"))).not.toContain(writer);
  });

  it("has another digest after an edit of what is inlined from elsewhere, and of nothing else", async () => {
    const op = "rules/ops/markdown-report.ts";
    const { codeDigest } = await bundled(op, false);
    workspace.edit("src/analysis/report/json-report.ts", "num_bits", "bits");
    expect((await bundled(op, false)).codeDigest).toBe(codeDigest);
    workspace.edit("src/analysis/text/printf.ts", "MOST_DIGITS = 100", "MOST_DIGITS = 99");
    expect((await bundled(op, false)).codeDigest).not.toBe(codeDigest);
  });
});
