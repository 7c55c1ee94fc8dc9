import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tryGit } from "../rig/git.ts";
import { REPOSITORY, TestWorkspace } from "../rig/workspace.ts";

/**
 * Results that are committed with their records: docs/contributing.md says how they are made again. Whoever changes
 * what they are made of commits them again with that change.
 */
const { targets, folders } = JSON.parse(
  fs.readFileSync(join(REPOSITORY, "scripts/published.json"), "utf8"),
) as { readonly targets: readonly string[]; readonly folders: readonly string[] };
const STALE =
  "The committed results are not what the repository makes: run `npm run published`, and commit the files that it names with your change.";

interface Listed {
  readonly path: string;
  readonly kind?: string;
  readonly keep?: "committed" | "local";
}

/** Files below some places that are in Git, or would be with the next commit. */
const inGit = (...places: readonly string[]): readonly string[] =>
  execFileSync(
    "git",
    ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", ...places],
    { cwd: REPOSITORY, encoding: "utf8", maxBuffer: 1e8 },
  )
    .split("\0")
    .filter((path) => path !== "" && fs.existsSync(join(REPOSITORY, path)));

let clone: TestWorkspace;
let listed: readonly Listed[];
/** Neither an interpreter nor a cache with environments, so that nothing can have asked Python. */
const env = { PATH: "", AQM_PYTHON: "", AQM_CACHE: "/nowhere" };

beforeAll(async () => {
  clone = TestWorkspace.copyOfRepository();
  clone.onlyModels("qwen3_vl_trained");
  for (const path of inGit("conf", "context", "models", "datasets", "aqm.lock")) {
    fs.mkdirSync(dirname(clone.path(path)), { recursive: true });
    fs.cpSync(join(REPOSITORY, path), clone.path(path));
  }
  const { stdout } = await clone.aqm(["list", ...targets, ...folders, "--json"], { env });
  listed = JSON.parse(stdout) as readonly Listed[];
});
afterAll(() => clone.remove());

describe("what is published", () => {
  it("is kept by Git, and no local output is", () => {
    const inFolder = ({ path, kind }: Listed): string => (kind === "folder" ? `${path}/x` : path);
    const kept = ({ path }: Listed): string => path.split("#")[0] ?? path;
    const ignored = (paths: readonly string[]): readonly string[] =>
      tryGit(REPOSITORY, "check-ignore", "--no-index", ...paths)
        .text.split("\n")
        .filter((path) => path !== "");
    const local = listed.filter(({ keep }) => keep === "local").map(inFolder);
    const out = new Set(ignored(local));
    expect(
      local.filter((path) => !out.has(path)),
      "Add local outputs to .gitignore",
    ).toEqual([]);
    expect(
      ignored(listed.filter(({ keep }) => keep === "committed").map(kept)),
      "Take committed outputs out of .gitignore",
    ).toEqual([]);
  });

  describe("is in a fresh clone, without Python,", () => {
    /** The first lines that are no good news. */
    const says = async (command: readonly string[]): Promise<readonly string[]> => {
      const { code, stdout, stderr } = await clone.aqm([...command, ...targets], { env });
      if (code === 0) return [];
      const lines = `${stderr}${stdout}`.split("\n");
      return lines.filter((line) => !/^verified|^missing local|^unknown|known once/.test(line));
    };

    it("what its records say", async () => {
      expect((await says(["verify"])).slice(0, 20), STALE).toEqual([]);
    });

    it("fresh", async () => {
      expect((await says(["build", "--dry-run", "--check"])).slice(0, 20), STALE).toEqual([]);
    });

    it("all that lies there", () => {
      const outputs = listed.filter(({ keep }) => keep !== undefined);
      const files = new Set(outputs.map(({ path }) => path.split("#")[0]));
      const records = new Set(outputs.map(({ path }) => `aqm.lock/${path}.json`));
      const within = outputs.filter(({ kind }) => kind === "folder").map(({ path }) => `${path}/`);
      const left = inGit(...folders, ...folders.map((folder) => `aqm.lock/${folder}`)).filter(
        (path) =>
          !files.has(path) &&
          !records.has(path) &&
          !within.some((folder) => path.startsWith(folder)),
      );
      expect(left, "Remove what is no output any more").toEqual([]);
    });
  });
});
