import * as fs from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ActionRecord } from "../../src/model/record.ts";
import { digestOfBytes } from "../../src/model/digest.ts";
import { lockRecordText, parseLockRecord } from "../../src/host/records/records.ts";
import { defined } from "../engine/support/results.ts";
import { git, tryGit } from "../rig/git.ts";
import type { Finished, TestWorkspace } from "../rig/workspace.ts";
import { sample, WIDE } from "../rig/wide.ts";
import { textWorkspace } from "./text-workspace.ts";

const JOINED = "aqm.lock/out/joined.txt.json";
const ONE = "aqm.lock/big/one.txt.json";
const ALL = [ONE, JOINED, "aqm.lock/out/length.txt.json"];

let workspace: TestWorkspace;
beforeEach(() => {
  workspace = textWorkspace();
  workspace.write(".gitignore", "/.aqm/\n/big/\n");
  run("init", "--quiet", "--initial-branch", "main");
  run("add", "--all");
  run("commit", "--quiet", "--message", "sources");
});
afterEach(() => workspace.remove());

const run = (...args: readonly string[]): string => git(workspace.root, ...args);
const lock = (...args: readonly string[]): Promise<Finished> =>
  workspace.aqm(["lock", "resolve", ...args]);
const record = (path: string): ActionRecord => defined(parseLockRecord(workspace.read(path)));
const rewrite = (path: string, changes: Partial<ActionRecord>): void =>
  workspace.write(path, lockRecordText({ ...record(path), ...changes }));

async function branch(name: string, change: () => Promise<void> | void): Promise<void> {
  run("switch", "--quiet", "--create", name, "main");
  await change();
  run("add", "--all");
  run("commit", "--quiet", "--message", name);
}

/** What Git could not merge. */
function merge(name: string): readonly string[] {
  const { code } = tryGit(workspace.root, "merge", "--quiet", "--no-edit", name);
  const files = run("diff", "--name-only", "--diff-filter=U");
  expect(code === 0).toBe(files === "");
  return files === "" ? [] : files.split("\n");
}

async function built(targets: readonly string[] = []): Promise<void> {
  expect((await workspace.build(targets)).code).toBe(0);
}

/** Changes the first poem, each branch in its own way, so that three records conflict. */
const poem = (text: string) => async () => {
  workspace.write("poems/one.txt", text);
  await built();
};

/** Both branches run the same key, at another price; theirs may have another result. */
async function sameKeyTwice(theirResult: string | null): Promise<void> {
  const cost = (seconds: number): void => {
    rewrite(ONE, { cost: { ...record(ONE).cost, seconds } });
  };
  await branch("left", async () => {
    await built(["big/one.txt"]);
    cost(11);
  });
  await branch("right", async () => {
    await built(["big/one.txt"]);
    cost(22);
    if (theirResult === null) return;
    const output = { path: "big/one.txt", digest: digestOfBytes(theirResult), size: 7 };
    rewrite(ONE, { outputs: { text: output } });
  });
  run("switch", "--quiet", "left");
}

describe("lock records of two branches", () => {
  it("merge without conflict where they built different targets, and all is fresh", async () => {
    await branch("left", () => built(["big/one.txt"]));
    await branch("right", () => built(["big/two.txt"]));
    run("switch", "--quiet", "left");
    expect(merge("right")).toEqual([]);
    const { stdout, code } = await workspace.aqm(
      "build --dry-run --check big/one.txt big/two.txt".split(" "),
    );
    expect(stdout).toContain("2 fresh");
    expect(code).toBe(0);
    expect((await lock()).stdout).toBe("nothing to resolve: no lock record has a merge conflict\n");
  });
});

describe("aqm lock resolve", () => {
  beforeEach(async () => {
    await branch("left", poem("roses are left\n"));
    await branch("right", poem("roses are right\n"));
    run("switch", "--quiet", "left");
    expect(merge("right")).toEqual(expect.arrayContaining(["poems/one.txt", ONE, JOINED]));
  });

  const settle = (side: "ours" | "theirs"): void => {
    run("checkout", `--${side}`, "poems/one.txt", "out");
    run("add", "poems", "out");
  };

  it.each(sample(["theirs", "ours"] as const))(
    "keeps %s where that is what the workspace asks for, and the build has nothing to run",
    async (side) => {
      settle(side);
      const { stdout, code } = await lock();
      expect(code).toBe(0);
      const key = (/big\/one\.txt: its key ([0-9a-f]{10}) is the one/.exec(stdout) ?? [])[1];
      expect(record(ONE).key).toContain(`sha256:${key ?? "no key"}`);
      expect(stdout.match(new RegExp(`^kept ${side} +(big|out)/`, "gm"))?.length).toBeGreaterThan(
        1,
      );
      expect(stdout).toContain("tell Git with `git add --all aqm.lock`");
      run("add", "--all", "aqm.lock");
      run("commit", "--quiet", "--message", "merged");
      const { ran, code: built } = await workspace.build(["big/one.txt", "out/length.txt"]);
      expect(built).toBe(0);
      expect(ran).toEqual([]);
      expect(workspace.read("big/one.txt")).toContain(side === "ours" ? "LEFT" : "RIGHT");
      expect(run("status", "--porcelain")).toBe("");
    },
  );

  it.runIf(WIDE)("guesses nothing where the source that differs is not here", async () => {
    settle("theirs");
    fs.rmSync(workspace.path(".aqm"), { recursive: true });
    fs.rmSync(workspace.path("big"), { recursive: true });
    fs.rmSync(workspace.path("poems"), { recursive: true });
    const { stdout } = await lock();
    expect(stdout).toMatch(/^removed +big\/one\.txt: either side could be true, because not all/m);
    expect(workspace.exists(ONE)).toBe(false);
  });

  it.runIf(WIDE)(
    "removes the record where neither side fits, says what differs, and the build makes it",
    async () => {
      run("checkout", "--ours", "out");
      workspace.write("poems/one.txt", "roses are both\n");
      const { stdout, code } = await lock();
      expect(code).toBe(0);
      expect(stdout).toMatch(
        /^removed +big\/one\.txt: neither side is what this workspace asks for/m,
      );
      expect(stdout).toMatch(/ours: input poems\/one\.txt changed: \w{10} → \w{10}; theirs: input/);
      expect(stdout).toMatch(/so it counts as never built; `aqm build big\/one\.txt` makes it$/m);
      expect(workspace.exists(ONE)).toBe(false);
      const { ran } = await workspace.build();
      expect(ran).toEqual(["big/one.txt", "out/joined.txt", "out/length.txt"]);
      expect(workspace.read("out/joined.txt")).toContain("ROSES ARE BOTH");
    },
  );

  it.runIf(WIDE)("forgets neither side: going back to one of them runs nothing", async () => {
    fs.rmSync(workspace.path(".aqm/history"), { recursive: true }); // as if the other side came from elsewhere
    run("checkout", "--ours", "out");
    workspace.write("poems/one.txt", "roses are both\n");
    await lock();
    workspace.write("poems/one.txt", "roses are right\n");
    expect((await workspace.build(["big/one.txt"])).ran).toEqual([]);
    expect(workspace.read("big/one.txt")).toContain("RIGHT");
  });

  it.runIf(WIDE)(
    "settles what it is asked for, only looks with --check, and is done the second time",
    async () => {
      settle("theirs");
      const before = workspace.read(JOINED);
      const check = await lock("--check");
      expect(check.code).toBe(1);
      expect(check.stdout).toMatch(/^would keep theirs +big\/one\.txt: its key/m);
      expect(check.stdout).toMatch(
        /\d lock records in conflict; `aqm lock resolve` settles them\n$/,
      );
      expect(workspace.read(JOINED)).toBe(before);

      expect((await lock("big")).stdout).toMatch(/settled 1 lock record;/);
      expect(workspace.read(ONE)).not.toContain("<<<<<<<");
      expect(workspace.read(JOINED)).toBe(before);
      await lock();
      const after = ALL.map((path) => workspace.exists(path) && workspace.read(path));
      const again = await lock();
      expect(again.stdout).toMatch(
        /^nothing to resolve: \d lock records settled already; tell Git/,
      );
      expect((await lock("--check")).code).toBe(0);
      expect(ALL.map((path) => workspace.exists(path) && workspace.read(path))).toEqual(after);
    },
  );

  it.runIf(WIDE)("never undoes what a build made since", async () => {
    run("checkout", "--ours", "out");
    workspace.write("poems/one.txt", "roses are both\n");
    await lock();
    await built();
    const records = ALL.map((path) => workspace.read(path));
    expect((await lock()).stdout).toMatch(/^nothing to resolve/);
    expect(ALL.map((path) => workspace.read(path))).toEqual(records);
  });

  it.runIf(WIDE)(
    "needs no index: markers that were committed, and no Git at all, will do",
    async () => {
      settle("theirs");
      run("add", "--all");
      run("commit", "--quiet", "--message", "markers and all");
      fs.rmSync(workspace.path(".git"), { recursive: true });
      const { stdout } = await lock("--json");
      expect(JSON.parse(stdout)).toEqual(
        expect.arrayContaining([
          expect.objectContaining({ target: "big/one.txt", file: ONE, kept: "theirs" }),
        ]),
      );
      expect((await workspace.build()).ran).toEqual([]);
    },
  );

  it("is what the build asks for: a record with markers is never believed", async () => {
    settle("theirs");
    const { events, code } = await workspace.build(["big/one.txt"]);
    expect(code).toBe(0);
    expect(events).toContainEqual({
      seq: expect.any(Number) as number,
      ms: expect.any(Number) as number,
      type: "notice",
      message: `${ONE} is in the middle of a merge and was ignored; its target counts as never built until \`aqm lock resolve big/one.txt\` has settled it`,
    });
    expect(workspace.read(ONE)).not.toContain("<<<<<<<");
    expect(workspace.read("big/one.txt")).toContain("RIGHT");
  });
});

describe("in a clone that lacks sources and big outputs (P6)", () => {
  it.runIf(WIDE)(
    "a conflict is settled as anywhere: both sides read the same sources",
    async () => {
      const sign = (text: string) => async () => {
        workspace.write("rules/ops/sign.ts", `export const sign = "${text}";\n`);
        await built();
      };
      await branch("left", sign("left"));
      await branch("right", sign("right"));
      run("switch", "--quiet", "left");
      expect(merge("right")).toEqual(expect.arrayContaining(ALL));
      run("checkout", "--theirs", "rules", "out");
      for (const path of [".aqm", "big", "poems"]) {
        fs.rmSync(workspace.path(path), { recursive: true });
      }
      const { stdout } = await lock();
      for (const target of ["big/one.txt", "big/two.txt", "out/joined.txt"]) {
        expect(stdout).toMatch(new RegExp(`^kept theirs +${target}: its key`, "m"));
      }
      const check = await workspace.aqm(["build", "--dry-run", "--check"]);
      expect(check.stdout).toContain("4 fresh");
      expect(check.code).toBe(0);
    },
  );
});

describe("two results of one key", () => {
  it.runIf(WIDE)("that are the same are settled by keeping ours", async () => {
    await sameKeyTwice(null);
    expect(merge("right")).toEqual([ONE]);
    expect((await lock()).stdout).toMatch(/^kept ours .* and the same outputs$/m);
    expect(record(ONE).cost.seconds).toBe(11);
  });

  it.each(
    sample(
      [
        ["ours", 11],
        ["theirs", 22],
      ],
      1,
    ),
  )("that differ are settled by what is in the workspace: %s (P8)", async (side, seconds) => {
    await sameKeyTwice("THEIRS\n");
    if (side === "theirs") workspace.write("big/one.txt", "THEIRS\n");
    expect(merge("right")).toEqual([ONE]);
    const { stdout } = await lock();
    expect(stdout).toMatch(
      new RegExp(`^kept ${side} .* its outputs are the ones that are here$`, "m"),
    );
    expect(record(ONE).cost.seconds).toBe(seconds);
    expect((await workspace.build(["big/one.txt"])).ran).toEqual([]);
  });
});

describe("a conflict with a side that has no record", () => {
  it.runIf(WIDE)(
    "keeps the other side if its key fits, and removes it if no rule makes the target",
    async () => {
      await branch("base", () => built(["big/one.txt", "big/two.txt"]));
      run("switch", "--quiet", "--create", "left");
      workspace.write("poems/one.txt", "roses are left\n");
      workspace.write("aqm.lock/gone.txt.json", "<<<<<<< a\n{}\n=======\n{\n>>>>>>> b\n");
      await built(["big/one.txt"]);
      run("add", "--all");
      run("commit", "--quiet", "--message", "left");
      run("switch", "--quiet", "--create", "right", "base");
      run("rm", "--quiet", ONE);
      run("commit", "--quiet", "--message", "right");
      expect(merge("left")).toEqual([ONE]);
      const { stdout } = await lock();
      expect(stdout).toMatch(/^removed +gone\.txt: no rule makes it any more$/m);
      expect(workspace.exists("aqm.lock/gone.txt.json")).toBe(false);
      expect(record(ONE).target).toBe("big/one.txt");
      expect((await workspace.build(["big/one.txt"])).ran).toEqual([]);
    },
  );
});

describe("aqm lock", () => {
  it.each([
    [[], "aqm lock needs a verb"],
    [["resolv"], "Did you mean resolve?"],
    [["resolve", "nothing.txt"], "No rule makes nothing.txt"],
  ])("%j is no right usage", async (args, message) => {
    const { code, stderr } = await workspace.aqm(["lock", ...args]);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});
