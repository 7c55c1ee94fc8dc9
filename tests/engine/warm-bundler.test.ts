import * as fs from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { bundleModule, type Bundle } from "../../src/host/code/bundle.ts";
import { layoutOf, type Layout } from "../../src/host/disk/layout.ts";
import { WarmBundler } from "../../src/host/code/warm-bundler.ts";
import { WIDE } from "../rig/wide.ts";
import { TestWorkspace } from "../rig/workspace.ts";
import { valueOf } from "./support/results.ts";

let workspace: TestWorkspace;
let layout: Layout;
let warm: WarmBundler;
beforeEach(() => {
  workspace = TestWorkspace.copyOfRepository();
  layout = layoutOf(workspace.root, workspace.root);
  warm = new WarmBundler(layout);
});
afterEach(async () => {
  await warm.close();
  workspace.remove();
});

/** A page takes in texts and scripts for browsers. */
const PAGE = "src/analysis/page/analysis-page.ts";
const OP = "rules/ops/markdown-report.ts";
/** Both of an Aqmfile and of an op. */
const SHARED = "src/model/result.ts";
const WRITER = "src/analysis/report/markdown-report.ts";

/** Signatures of files that were just written differ each time they are taken. */
const comparable = ({ looked, inputs, ...bundle }: Bundle): object => ({
  ...bundle,
  looked: Object.keys(looked).sort(),
  inputs: [...inputs].sort(
    (a, b) => a.path.localeCompare(b.path) || Number(a.used) - Number(b.used),
  ),
});

/** Bundles both ways. */
async function same(file: string): Promise<Bundle> {
  const entry = join(layout.root, file);
  const options = { sourceMap: file === "Aqmfile.ts" };
  warm.begin();
  const bundle = valueOf(await warm.bundle(layout, entry, options));
  const exact = valueOf(await bundleModule(layout, entry, options));
  expect(comparable(bundle)).toEqual(comparable(exact));
  return bundle;
}

describe("the warm bundler", () => {
  it("makes the same bytes and names the same files as the exact one, after every edit", async () => {
    const first = await same(OP);
    await same("Aqmfile.ts");
    await warm.warmUp();
    expect(warm.exact).toBe(2); // as nothing was warm yet
    await same("Aqmfile.ts");

    workspace.edit(WRITER, "Total AutoQuant score", "Sum");
    const edited = await same(OP);
    expect(edited.codeDigest).not.toBe(first.codeDigest);
    expect((await same("Aqmfile.ts")).looked).not.toHaveProperty([workspace.path(WRITER)]);
    workspace.write(SHARED, `${workspace.read(SHARED)}// edited\n`);
    expect((await same(OP)).codeDigest).toBe(edited.codeDigest);
    expect((await same("Aqmfile.ts")).looked).toHaveProperty([workspace.path(SHARED)]);

    workspace.write("rules/ops/extra.ts", "export const extra = ' extra';\n");
    const text = workspace.read(OP);
    const more = text.replace("manifest.value, style)", "manifest.value, style) + extra");
    workspace.write(OP, `import { extra } from "./extra.ts";\n${more}`);
    expect((await same(OP)).code).toContain('" extra"');
    expect(warm.exact).toBe(2);

    workspace.write(OP, `${text}\n)`);
    warm.begin();
    const wrong = await warm.bundle(layout, join(layout.root, OP));
    expect(wrong).toEqual(await bundleModule(layout, join(layout.root, OP)));
    expect(wrong.ok).toBe(false);
    expect(warm.exact).toBe(3);
    workspace.write(OP, text);
    expect((await same(OP)).codeDigest).toBe(edited.codeDigest);
    expect(warm.exact).toBe(3);

    const { atime, mtime } = fs.statSync(workspace.path(WRITER));
    workspace.edit(WRITER, "Effective bits (from", "Effective BITS (from"); // as long as before
    fs.utimesSync(workspace.path(WRITER), atime, mtime);
    expect((await same(OP)).code).toContain("Effective BITS");
  });

  it.runIf(WIDE)("takes texts and scripts of pages anew", async () => {
    await same(PAGE);
    await warm.warmUp();
    const [script, style] = [
      "src/analysis/page/client/main.ts",
      "src/analysis/page/styles/page.css",
    ];
    workspace.write(script, `${workspace.read(script)}\ndocument.title += "edited";\n`);
    workspace.write(style, `${workspace.read(style)}\n.edited { color: red }\n`);
    const { code } = await same(PAGE);
    expect(code).toContain('+="edited"');
    expect(code).toContain(".edited { color: red }");
    expect(warm.exact).toBe(1);
  });
});
