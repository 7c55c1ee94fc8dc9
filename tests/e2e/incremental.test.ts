import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TestWorkspace } from "../rig/workspace.ts";
import { textWorkspace } from "./text-workspace.ts";
import { sample, WIDE } from "../rig/wide.ts";

let workspace: TestWorkspace;
beforeEach(() => (workspace = textWorkspace()));
afterEach(() => workspace.remove());

const plan = async (...args: string[]): Promise<readonly PlannedAction[]> => {
  const { stdout } = await workspace.aqm(["build", "--dry-run", "--json", ...args]);
  return (JSON.parse(stdout) as { actions: readonly PlannedAction[] }).actions;
};
interface PlannedAction {
  readonly target: string;
  readonly verdict: string;
  readonly causes: readonly { kind: string; field?: string; old?: unknown; new?: unknown }[];
}
const stale = async (): Promise<readonly string[]> =>
  (await plan()).filter(({ verdict }) => verdict !== "fresh").map(({ target }) => target);

describe("a build", () => {
  it("makes everything once, then nothing", async () => {
    const first = await workspace.build();
    expect(first.code).toBe(0);
    expect(first.ran).toEqual(["big/one.txt", "big/two.txt", "out/joined.txt", "out/length.txt"]);
    expect(workspace.read("out/joined.txt")).toBe("ROSES ARE RED\n--\nVIOLETS ARE BLUE\n--\n");
    const second = await workspace.build();
    expect(second.code).toBe(0);
    expect(second.ran).toEqual([]);
    expect(second.events.at(-1)).toMatchObject({ type: "build_finished", ran: 0, fresh: 4 });
  });

  it.runIf(WIDE)("leaves no stage, journal or lock behind", async () => {
    await workspace.build();
    expect(workspace.exists(".aqm/stage")).toBe(false);
    const journal = workspace.path(".aqm/journal");
    expect(fs.existsSync(journal) ? fs.readdirSync(journal) : []).toEqual([]);
    expect(workspace.exists(".aqm/build.lock")).toBe(false);
  });

  it("runs only what an edited source leads to, and says why with old and new digest", async () => {
    await workspace.build();
    workspace.write("poems/two.txt", "violets are green\n");
    const [two, joined, length] = (await plan()).slice(1);
    expect(two).toMatchObject({ target: "big/two.txt", verdict: "run" });
    expect(two?.causes).toMatchObject([
      { kind: "changed", field: "inputs.poem", path: "poems/two.txt" },
    ]);
    expect(joined).toMatchObject({ target: "out/joined.txt", verdict: "unknown" });
    expect(length).toMatchObject({ target: "out/length.txt", verdict: "unknown" });
    expect((await workspace.build()).ran).toEqual([
      "big/two.txt",
      "out/joined.txt",
      "out/length.txt",
    ]);
  });

  it("stops early where a rerun gives the same content", async () => {
    await workspace.build();
    workspace.write("poems/two.txt", "violets ARE blue\n");
    expect((await workspace.build()).ran).toEqual(["big/two.txt"]);
  });

  it("runs again what uses an edited module, and nothing else", async () => {
    await workspace.build();
    workspace.edit("rules/ops/sign.ts", "--", "==");
    expect((await workspace.build()).ran).toContain("big/one.txt");
    workspace.edit("rules/ops/count.ts", "length +", "length * 2 +");
    expect(await stale()).toEqual(["out/length.txt"]);
  });

  it("shows a changed config value with its old and its new value", async () => {
    await workspace.build();
    workspace.edit("conf/style/plain.yaml", "loud: true", "loud: false");
    const [one] = await plan();
    expect(one?.causes).toEqual([{ kind: "changed", field: "params.loud", old: true, new: false }]);
    const why = await workspace.aqm(["why", "out/joined.txt"]);
    expect(why.stdout).toContain("because params.loud: true → false");
  });

  it.runIf(WIDE)("goes back to an earlier config without running anything", async () => {
    await workspace.build();
    workspace.edit("conf/style/plain.yaml", "loud: true", "loud: false");
    await workspace.build();
    workspace.edit("conf/style/plain.yaml", "loud: false", "loud: true");
    const back = await workspace.build();
    expect(back.ran).toEqual([]);
    expect(workspace.read("out/joined.txt")).toContain("ROSES");
    expect(await stale()).toEqual([]);
  });

  it.each(
    sample(
      [
        [
          "a comment in a config",
          (w: TestWorkspace) => w.edit("conf/style/plain.yaml", "# how", "# so"),
        ],
        [
          "an unrelated config key",
          (w: TestWorkspace) => w.edit("conf/style/plain.yaml", "unused: 1", "unused: 2"),
        ],
        [
          "a comment in the Aqmfile",
          (w: TestWorkspace) => w.write("Aqmfile.ts", `// hello\n${w.read("Aqmfile.ts")}`),
        ],
        [
          "new times on every file",
          (w: TestWorkspace) => {
            for (const path of [
              "poems/one.txt",
              "big/one.txt",
              "out/joined.txt",
              "rules/ops/shout.ts",
            ]) {
              fs.utimesSync(w.path(path), 1, 1);
            }
          },
        ],
        [
          "the state folder deleted",
          (w: TestWorkspace) => fs.rmSync(w.path(".aqm"), { recursive: true }),
        ],
      ],
      3,
    ),
  )("finds nothing stale after %s", async (_what, change) => {
    await workspace.build();
    change(workspace);
    expect(await stale()).toEqual([]);
  });

  it("brings a deleted or hand-edited output back from the store", async () => {
    await workspace.build();
    fs.rmSync(workspace.path("out/length.txt"));
    workspace.write("out/joined.txt", "scribble");
    const again = await workspace.build();
    expect(again.ran).toEqual([]);
    expect(again.events.at(-1)).toMatchObject({ restored: 2 });
    expect(workspace.read("out/joined.txt")).toContain("ROSES");
  });

  it.runIf(WIDE)("does not miss local outputs until somebody needs them", async () => {
    await workspace.build();
    fs.rmSync(workspace.path("big"), { recursive: true });
    fs.rmSync(workspace.path(".aqm/store"), { recursive: true });
    expect(await stale()).toEqual([]);
    // The join op changes, so it has to run, so its inputs have to be there again.
    workspace.edit("rules/ops/join.ts", "inputs.a.text() +", "inputs.a.text() + '\\n' +");
    expect((await plan()).map(({ target, verdict }) => `${target} ${verdict}`)).toEqual([
      "big/one.txt run",
      "big/two.txt run",
      "out/joined.txt unknown",
      "out/length.txt unknown",
    ]);
    expect((await workspace.build()).ran.slice(0, 3)).toEqual([
      "big/one.txt",
      "big/two.txt",
      "out/joined.txt",
    ]);
  });

  it.runIf(WIDE)("builds a local output that is asked for by name", async () => {
    await workspace.build();
    fs.rmSync(workspace.path("big/one.txt"));
    expect(await stale()).toEqual([]);
    await workspace.build(["big/one.txt"]);
    expect(workspace.exists("big/one.txt")).toBe(true);
  });
});

describe("a clone", () => {
  const git = (cwd: string, ...args: string[]): void =>
    void execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@example.org", ...args], {
      cwd,
      stdio: "pipe",
    });

  it("at another path, without big files and big inputs, is fresh and passes --check", async () => {
    await workspace.build();
    workspace.write(".gitignore", "/.aqm/\n/big/\n/poems/one.txt\n");
    git(workspace.root, "init", "-q");
    git(workspace.root, "add", "-A");
    git(workspace.root, "commit", "-qm", "all");
    const elsewhere = fs.mkdtempSync(join(tmpdir(), "aqm-clone-"));
    git(elsewhere, "clone", "-q", workspace.root, "copy");
    const clone = TestWorkspace.at(join(elsewhere, "copy"));
    const check = await clone.aqm(["build", "--dry-run", "--check"], {
      env: { LC_ALL: "C", TZ: "Asia/Tokyo" },
    });
    expect(check.stdout).toContain("4 fresh");
    expect(check.code).toBe(0);
    expect(clone.exists("big/one.txt")).toBe(false);

    // As soon as the missing source is really needed, it is named.
    clone.edit("rules/ops/shout.ts", "toUpperCase", "toLowerCase");
    const needed = await clone.aqm(["build", "--dry-run", "--check"]);
    expect(needed.code).toBe(12);
    expect(needed.stdout).toContain("poems/one.txt is missing");
    fs.rmSync(elsewhere, { recursive: true });
  });
});

describe("--check", () => {
  it("tells fresh, cheaply stale and missing inputs apart", async () => {
    const check = async (): Promise<number | null> =>
      (await workspace.aqm(["build", "--dry-run", "--check"])).code;
    expect(await check()).toBe(10);
    await workspace.build();
    expect(await check()).toBe(0);
    fs.rmSync(workspace.path("poems/one.txt"));
    expect(await check()).toBe(0); // nothing that is recorded needs it
    workspace.edit("conf/style/plain.yaml", "loud: true", "loud: false");
    expect(await check()).toBe(12);
  });
});

describe("aqm build --rerun", () => {
  const rerun = ["--rerun", "big/one.txt"];

  it("runs a fresh action again, and what depends on it only if bytes changed", async () => {
    await workspace.build();
    const record = workspace.read("aqm.lock/big/one.txt.json");
    const again = await workspace.build([...rerun, "out"]);
    expect(again.ran).toEqual(["big/one.txt"]);
    expect(again.events.at(-1)).toMatchObject({ ran: 1, fresh: 3, exitCode: 0 });
    expect(workspace.read("aqm.lock/big/one.txt.json")).toBe(record);
    expect((await workspace.build()).ran).toEqual([]);
  });

  it.runIf(WIDE)("is said by the plan, which changes nothing", async () => {
    await workspace.build();
    const [one, , joined] = await plan(...rerun, "out");
    expect(one).toMatchObject({ verdict: "run", causes: [{ kind: "rerun_asked" }] });
    expect(joined).toMatchObject({ target: "out/joined.txt", verdict: "unknown" });
    const { stdout } = await workspace.aqm(["build", "--dry-run", ...rerun, "out"]);
    expect(stdout).toContain("run      big/one.txt\n           rerun asked for\n");
    expect(await stale()).toEqual([]);
    const { code } = await workspace.aqm(["build", "--dry-run", "--check", ...rerun]);
    expect(code).toBe(10);
  });

  it.runIf(WIDE)(
    "takes folders, globs and several targets; without others it builds only these",
    async () => {
      await workspace.build();
      expect((await workspace.build(["--rerun", "big"])).ran).toEqual([
        "big/one.txt",
        "big/two.txt",
      ]);
      const several = ["--rerun", "**/length*", "--rerun", "big/two.txt"];
      expect((await workspace.build(several)).ran).toEqual(["big/two.txt", "out/length.txt"]);
      const wrong = await workspace.aqm(["build", "--rerun", "big/oen.txt"]);
      expect(wrong).toMatchObject({
        code: 2,
        stderr: expect.stringContaining("Did you mean big/one.txt?") as string,
      });
    },
  );

  it.runIf(WIDE)(
    "is asked for each time, also where the answer to the same request is remembered",
    async () => {
      for (let time = 0; time < 3; time++) await workspace.build(["big/one.txt"]);
      for (let time = 0; time < 2; time++)
        expect((await workspace.build([...rerun, "big/one.txt"])).ran).toEqual(["big/one.txt"]);
      expect((await workspace.build(["big/one.txt"])).ran).toEqual([]);
    },
  );

  it.runIf(WIDE)(
    "takes the place of what was restored, and brings back what it reads",
    async () => {
      await workspace.build();
      await workspace.aqm(["clean"]);
      expect((await workspace.build(["--rerun", "out/length.txt"])).ran).toEqual([
        "out/length.txt",
      ]);
      expect(workspace.read("out/length.txt")).toBe("37\n");
    },
  );
});
