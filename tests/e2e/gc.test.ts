import * as fs from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { git } from "../rig/git.ts";
import type { TestWorkspace } from "../rig/workspace.ts";
import { textWorkspace } from "./text-workspace.ts";
import { sample, WIDE } from "../rig/wide.ts";

let workspace: TestWorkspace;
beforeEach(() => (workspace = textWorkspace()));
afterEach(() => workspace.remove());

const run = (...args: readonly string[]): string => git(workspace.root, ...args);

/** Writes a poem and builds all of it. */
async function build(poem: string): Promise<void> {
  workspace.write("poems/one.txt", poem);
  expect((await workspace.build()).code).toBe(0);
}

function commit(message: string): void {
  run("add", "--all");
  run("commit", "--quiet", "--message", message);
}

/** Builds and commits on a branch of its own, then comes back. */
async function branch(name: string, poem: string): Promise<void> {
  run("switch", "--quiet", "--create", name);
  await build(poem);
  commit(name);
  run("switch", "--quiet", "main");
}

interface GcAnswer {
  readonly removed: readonly unknown[];
  readonly pinned: number;
  readonly git_refs: number | null;
  readonly over_limit: boolean;
}
async function gc(...args: readonly string[]): Promise<GcAnswer> {
  const { stdout, stderr, code } = await workspace.aqm(["gc", "--json", ...args]);
  expect(stderr).toBe("");
  expect(code).toBe(0);
  return JSON.parse(stdout) as GcAnswer;
}

/** Number of files in the store. */
const stored = (): number =>
  fs
    .readdirSync(workspace.path(".aqm/store"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile()).length;

describe("aqm gc in a Git repository", () => {
  beforeEach(async () => {
    workspace.write(".gitignore", "/.aqm/\n/big/\n");
    run("init", "--quiet", "--initial-branch", "main");
    await build("main has this poem\n");
    commit("main");
  });

  it.each(
    sample(
      [
        ["another branch", () => undefined],
        [
          "a tag",
          () => {
            run("tag", "--annotate", "--message", "kept", "kept", "other");
            run("branch", "--quiet", "-D", "other");
          },
        ],
        [
          "a remote-tracking branch",
          () => {
            run("update-ref", "refs/remotes/origin/other", "other");
            run("branch", "--quiet", "-D", "other");
          },
        ],
        [
          "a detached HEAD",
          () => {
            run("switch", "--quiet", "--detach", "other");
            run("branch", "--quiet", "-D", "other");
            for (const path of ["aqm.lock", "out", "big"]) {
              fs.rmSync(workspace.path(path), { recursive: true });
            }
          },
        ],
      ],
      2,
    ),
  )("keeps what %s points to: going there restores without running (P11)", async (_, move) => {
    await branch("other", "a poem of the other branch\n");
    const there = run("rev-parse", "other");
    move();
    const { removed, over_limit } = await gc("--max-size", "0");
    expect(removed).toEqual([]);
    expect(over_limit).toBe(true);
    run("switch", "--quiet", "--force", "--detach", there);
    const back = await workspace.build(["big/one.txt", "out/length.txt"]);
    expect(back.ran).toEqual([]);
    expect(back.events.at(-1)).toMatchObject({ outcome: "done", ran: 0 });
    expect(workspace.read("big/one.txt")).toContain("A POEM OF THE OTHER BRANCH");
  });

  it.runIf(WIDE)("asks the workspace's own repository, also in a hook of another one", async () => {
    await branch("other", "a poem of the other branch\n");
    const elsewhere = workspace.path("elsewhere");
    git(workspace.root, "init", "--quiet", elsewhere);
    const env = {
      GIT_DIR: `${elsewhere}/.git`,
      GIT_WORK_TREE: elsewhere,
      GIT_INDEX_FILE: `${elsewhere}/.git/index`,
      GIT_COMMON_DIR: `${elsewhere}/.git`,
      GIT_OBJECT_DIRECTORY: `${elsewhere}/.git/objects`,
      GIT_CEILING_DIRECTORIES: workspace.root,
      GIT_NAMESPACE: "elsewhere",
    };
    const before = stored();
    const { code, stdout } = await workspace.aqm(["gc", "--json", "--max-size", "0"], { env });
    expect(code).toBe(0);
    expect((JSON.parse(stdout) as GcAnswer).git_refs).toBe(2);
    expect(stored()).toBe(before);
  });

  it("removes what only a deleted branch pointed to, and nothing that is still needed", async () => {
    await branch("other", "a poem of the other branch\n");
    const before = stored();
    run("branch", "--quiet", "-D", "other");
    const dry = await gc("--max-size", "0", "--dry-run");
    expect(stored()).toBe(before);
    const { removed, pinned } = await gc("--max-size", "0");
    expect(removed).toEqual(dry.removed);
    expect(removed).toHaveLength(3); // big/one.txt, out/joined.txt, out/length.txt
    expect(stored()).toBe(before - 3);
    expect(stored()).toBe(pinned);
    fs.rmSync(workspace.path("big"), { recursive: true });
    fs.rmSync(workspace.path("out"), { recursive: true });
    expect((await workspace.build(["big/one.txt", "big/two.txt", "out"])).ran).toEqual([]);
    expect(workspace.exists("big/two.txt")).toBe(true);
  });

  it.runIf(WIDE)("keeps what the workspace has built but not committed", async () => {
    await build("an uncommitted poem\n");
    expect((await gc("--max-size", "0")).removed).toEqual([]);
    fs.rmSync(workspace.path("big/one.txt"));
    expect((await workspace.build(["big/one.txt"])).ran).toEqual([]);
  });

  it.runIf(WIDE)("looks at its own folder of a larger repository", async () => {
    const { root } = workspace;
    fs.rmSync(workspace.path(".git"), { recursive: true });
    fs.mkdirSync(workspace.path("deep/er place"), { recursive: true });
    const names = fs.readdirSync(root).filter((name) => name !== "deep");
    for (const name of names) fs.renameSync(workspace.path(name), `${root}/deep/er place/${name}`);
    const here = { cwd: workspace.path("deep/er place") };
    run("init", "--quiet", "--initial-branch", "main");
    commit("moved");
    run("switch", "--quiet", "--create", "other");
    workspace.write("deep/er place/poems/one.txt", "a poem of the other branch\n");
    await workspace.build([], here);
    commit("other");
    run("switch", "--quiet", "main");
    const { stdout } = await workspace.aqm(["gc", "--json", "--max-size", "0"], here);
    expect(JSON.parse(stdout)).toMatchObject({ removed: [], git_refs: 2 });
  });

  it.runIf(WIDE)("works while the Aqmfile is broken and before the first commit", async () => {
    fs.rmSync(workspace.path(".git"), { recursive: true });
    run("init", "--quiet");
    workspace.write("Aqmfile.ts", "this is no TypeScript");
    expect(await gc("--max-size", "0")).toMatchObject({ removed: [], git_refs: 0 });
  });
});

describe("aqm gc without Git", () => {
  it.runIf(WIDE)(
    "goes by the records of the workspace, and says what it did and why the rest stays",
    async () => {
      await build("the first poem\n");
      await build("the second poem\n");
      const dry = await workspace.aqm(["gc", "--dry-run", "--max-size", "0"]);
      expect(dry.stdout.match(/^would remove [0-9a-f]{10} \d+ B, last used /gm)).toHaveLength(3);
      const { stdout } = await workspace.aqm(["gc", "--max-size", "0"]);
      expect(stdout).toMatch(/^removed 3 blobs \(\d+ B\), least recently used first/);
      expect(stdout).toMatch(/lock records of the workspace keep 4 blobs \(\d+ B\): that alone is/);
      expect((await workspace.aqm(["gc"])).stdout).toMatch(
        /^nothing to remove: .* at most 20\.0 GB/,
      );
    },
  );

  it.runIf(WIDE)("has nothing to do before the first build", async () => {
    expect((await workspace.aqm(["gc"])).stdout).toMatch(/^nothing to remove: .* 0 blobs \(0 B\)/);
    expect(workspace.exists(".aqm")).toBe(false);
  });

  it.each([
    [["--max-size", "much"], {}, /--max-size takes a size, not much/],
    [[], { AQM_STORE_SIZE: "20 GBytes" }, /AQM_STORE_SIZE takes a size, not 20 GBytes/],
    [["big"], {}, /takes no targets/],
  ])("says what is wrong with %j %j", async (args, env, message) => {
    const { code, stderr } = await workspace.aqm(["gc", ...args], { env });
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/ {2}next {4}/);
  });

  it("wants a workspace", async () => {
    const { code, stderr } = await workspace.aqm(["gc"], { cwd: "/" });
    expect(code).toBe(2);
    expect(stderr).toContain("There is no Aqmfile.ts");
  });
});

describe("the bound on the store", () => {
  const notices = async (poem: string, size: string): Promise<readonly string[]> => {
    workspace.write("poems/one.txt", poem);
    const { events, code } = await workspace.build([], { env: { AQM_STORE_SIZE: size } });
    expect(code).toBe(0);
    return events.flatMap((event) => (event.type === "notice" ? [event.message] : []));
  };

  it("is kept by builds themselves, in one line, and only when something was removed", async () => {
    expect(await notices("the first poem\n", "200")).toEqual([]);
    const before = stored();
    const [notice, ...more] = await notices(`the second poem${"!".repeat(60)}\n`, "250");
    expect(more).toEqual([]);
    expect(notice).toMatch(
      /^removed \d old blobs? \(\d+ B\) from the store, which now holds \d+ B$/,
    );
    expect(stored()).toBeLessThan(before + 3);
    expect(await notices(`the second poem${"!".repeat(60)}\n`, "250")).toEqual([]);
  });

  it.runIf(WIDE)("gives way to lock records, and says so", async () => {
    const [notice, ...more] = await notices("the first poem\n", "1B");
    expect(more).toEqual([]);
    expect(notice).toMatch(/^the store holds \d+ B, more than 1 B: lock records .* need it/);
    expect(stored()).toBe(4);
    // The same again, and with hardly anything more: nobody wants to hear it each time.
    expect(await notices("the first poem\n", "1B")).toEqual([]);
  });

  it("that nobody can read is named, and nothing is removed", async () => {
    await notices("the first poem\n", "1GB");
    const before = stored();
    const [notice] = await notices("the second poem\n", "plenty");
    expect(notice).toMatch(/^AQM_STORE_SIZE takes a size, not plenty; the store is not kept/);
    expect(stored()).toBe(before + 3);
  });
});
