import { pathToFileURL } from "node:url";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { bundleModule, type Bundle } from "../../src/host/code/bundle.ts";
import { layoutOf } from "../../src/host/disk/layout.ts";
import { digestOfBytes } from "../../src/model/digest.ts";
import type { Failure } from "../../src/model/failure.ts";
import type { Result } from "../../src/model/result.ts";
import { Folder, REPOSITORY } from "./support/folder.ts";

const FILES = {
  "op.ts": `import styles from "./look.css?raw";
import script from "./client/main.ts?script";
export const made = { styles, script };
`,
  "look.css": "a { color: red }\n",
  "client/main.ts": `import { part } from "./part.ts";
const wanted: number = part;
(globalThis as { seen?: number }).seen = wanted;
`,
  "client/part.ts": "export const part = 41 + 1;\n",
};

const bundled = (folder: Folder): Promise<Result<Bundle, Failure>> =>
  bundleModule(layoutOf(folder.path, REPOSITORY), folder.at("op.ts"));

const bundleOf = async (folder: Folder): Promise<Bundle> => {
  const bundle = await bundled(folder);
  if (!bundle.ok) throw new Error(JSON.stringify(bundle.error));
  return bundle.value;
};

describe("texts as modules", () => {
  it("are the file as it is, and one script of a module and what it imports", async () => {
    const folder = new Folder(FILES);
    folder.write("out.mjs", (await bundleOf(folder)).code);
    const { made } = (await import(pathToFileURL(folder.at("out.mjs")).href)) as {
      made: { styles: string; script: string };
    };
    expect(made.styles).toBe(FILES["look.css"]);
    expect(made.script).not.toMatch(/\bimport\b|wanted/);
    const world: { seen?: number } = {};
    runInNewContext(made.script, world); // as a browser would
    expect(world.seen).toBe(42);
  });

  it("are inputs of the bundle, every module of a script too", async () => {
    const folder = new Folder(FILES);
    const { inputs, looked } = await bundleOf(folder);
    const used = new Map(
      inputs.flatMap(({ path, used, digest }) => (used ? [[path, digest]] : [])),
    );
    expect(used).toEqual(
      new Map(Object.entries(FILES).map(([path, text]) => [folder.at(path), digestOfBytes(text)])),
    );
    for (const path of used.keys()) expect(Object.keys(looked)).toContain(path);
  });

  it("change what the bundle is", async () => {
    const before = await bundleOf(new Folder(FILES));
    for (const changed of ["look.css", "client/part.ts"] as const) {
      const folder = new Folder({ ...FILES, [changed]: FILES[changed].replace(/red|41/, "7") });
      expect((await bundleOf(folder)).codeDigest).not.toBe(before.codeDigest);
    }
  });

  it("that are wrong or missing are named", async () => {
    const wrong = await bundled(
      new Folder({ ...FILES, "client/part.ts": "export const part = ;\n" }),
    );
    expect(wrong).toMatchObject({
      ok: false,
      error: { place: { file: expect.stringMatching(/part\.ts$/) as string, line: 1, column: 21 } },
    });
    const { "look.css": _gone, ...others } = FILES;
    const missing = await bundled(new Folder(others));
    expect(missing).toMatchObject({
      ok: false,
      error: { message: expect.stringContaining("look.css") as string },
    });
  });
});
