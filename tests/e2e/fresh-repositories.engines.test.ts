import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { installInto, packedInto, type Packed } from "../rig/packed.ts";
import { REPOSITORY, TestWorkspace } from "../rig/workspace.ts";

/** Repositories of three kinds, each of which has a first report after two commands: init and build. */
const KINDS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  empty: {},
  "an existing TypeScript": {
    "package.json": '{ "name": "theirs", "type": "module", "private": true }\n',
    "tsconfig.json":
      '{ "compilerOptions": { "module": "nodenext", "noEmit": true, "strict": true } }\n',
    "src/a.ts": "export const a: number = 1;\n",
    ".gitignore": "dist/\n",
  },
  "a Python": {
    "pyproject.toml": '[project]\nname = "theirs"\nversion = "0.1.0"\n',
    "theirs/__init__.py": "",
  },
};
const REPORT =
  "models/tiny/layer-analysis/weight-fp8-act-fp8/tiny_autoquant_wfp8_afp8_lm_small/per-layer-sensitivity.md";

let packed: Packed;
let maker: TestWorkspace;
const repositories: TestWorkspace[] = [];

beforeAll(async () => {
  maker = TestWorkspace.create({
    "Aqmfile.ts": `import { build } from "aqm";
import { checkpoint } from "aqm/rules/checkpoint.ts";
const { files } = checkpoint("qwen3_vl_tiny");
export default build([files.producer ?? []]);
`,
  });
  packed = packedInto(maker.root);
  const made = await maker.build();
  expect(made.stderr).toBe("");
});
afterAll(() => {
  for (const one of [maker, ...repositories]) one.remove();
});

describe.each(Object.entries(KINDS))("%s repository", (_kind, files) => {
  it("has a report of a model after npm install, aqm init and aqm build", async () => {
    const made = TestWorkspace.create(files);
    repositories.push(made);
    installInto(made.root, packed);
    const own = TestWorkspace.at(made.root, made.path("node_modules/aqm/bin/aqm.js"));
    const model = maker.path("models/qwen3_vl_tiny/checkpoints/tiny");
    const started = await own.aqm(["init", "--yes", "--model", model]);
    expect(started.stderr).toBe("");
    const built = await own.build();
    expect(built.stderr).toBe("");
    expect(built.code).toBe(0);
    expect(own.read(REPORT)).toContain("tiny");
    expect((await own.aqm(["build", "--dry-run", "--check"])).code).toBe(0);
    for (const [path, text] of Object.entries(files).filter(([path]) => path !== "package.json"))
      expect(own.read(path).startsWith(text)).toBe(true);
    if (files["tsconfig.json"] === undefined) return;
    const compiler = join(REPOSITORY, "node_modules/typescript/bin/tsc");
    const checked = spawnSync(process.execPath, [compiler, "-p", own.root], { encoding: "utf8" });
    expect(checked.stdout).toBe("");
  });
});
