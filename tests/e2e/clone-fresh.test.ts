import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { filesBelow } from "../crash/crash-workspace.ts";
import { git } from "../rig/git.ts";
import { asNobody, canBeNobody, NOBODY, UNLESS_ROOT } from "../rig/nobody.ts";
import { REPOSITORY, TestWorkspace } from "../rig/workspace.ts";
import { sample, WIDE } from "../rig/wide.ts";
import { textWorkspace } from "./text-workspace.ts";

/** P6 and P13: a clone is fresh, and its keys are the same, whoever made it, where, and how. */
let origin: TestWorkspace;
let elsewhere: string;
let keys: Readonly<Record<string, string | null>>;

beforeAll(async () => {
  origin = textWorkspace();
  fs.chmodSync(origin.root, 0o755);
  origin.write("rules/ops/run-me.sh", "#!/bin/sh\n");
  fs.chmodSync(origin.path("rules/ops/run-me.sh"), 0o755);
  await origin.build();
  origin.write(".gitignore", "/.aqm/\n/big/\n/poems/one.txt\n");
  git(origin.root, "init", "-q");
  git(origin.root, "add", "-A");
  git(origin.root, "commit", "-qm", "all");
  keys = keysOf((await origin.aqm(["build", "--dry-run", "--json"])).stdout);
  elsewhere = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "aqm-clones-")));
  fs.chmodSync(elsewhere, 0o777);
  fs.writeFileSync(join(elsewhere, "gitconfig"), "[safe]\n\tdirectory = *\n"); // it is root's
});
afterAll(() => {
  origin.remove();
  fs.rmSync(elsewhere, { recursive: true });
});

function keysOf(plan: string): Readonly<Record<string, string | null>> {
  const { actions } = JSON.parse(plan) as { actions: { target: string; key: string | null }[] };
  return Object.fromEntries(actions.map(({ target, key }) => [target, key]));
}

interface Circumstances {
  readonly umask: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly uid?: number;
  /** Where the command is run, below the clone. */
  readonly cwd?: string;
  readonly old?: boolean;
}

/** Clones and plans, all in one shell that has this umask and, as root, belongs to this user. */
function inClone(name: string, { umask, env = {}, uid, cwd = ".", old = false }: Circumstances) {
  const clone = join(elsewhere, name, "deeply", "copy");
  const script = [
    `umask ${umask}`,
    `git clone -q "$1" "$2"`,
    old ? `find "$2" -exec touch -h -d 2001-01-01 {} +` : ":",
    `cd "$2/${cwd}"`,
    `"$3" "$4" build --dry-run --check`,
    `"$3" "$4" build --dry-run --json`,
  ].join(" && ");
  const { status, stdout, stderr } = spawnSync(
    "/bin/sh",
    ["-c", script, "sh", origin.root, clone, process.execPath, join(REPOSITORY, "bin/aqm.js")],
    {
      cwd: elsewhere,
      encoding: "utf8",
      ...(uid === undefined ? {} : { uid, gid: uid }),
      env: {
        PATH: process.env["PATH"] ?? "",
        HOME: elsewhere,
        NO_COLOR: "1",
        GIT_CONFIG_GLOBAL: join(elsewhere, "gitconfig"),
        ...env,
      },
    },
  );
  return { clone, code: status, stdout, stderr };
}

function expectFresh(name: string, circumstances: Circumstances): void {
  const { clone, code, stdout, stderr } = inClone(name, circumstances);
  expect(stderr).toBe("");
  expect(code).toBe(0);
  const [text = "", json = ""] = stdout.split(/^(?=\{)/m);
  expect(text).toBe("0 to run, 4 fresh\n");
  expect(keysOf(json)).toEqual(keys);
  expect(fs.existsSync(join(clone, "big"))).toBe(false);
  expect(fs.existsSync(join(clone, "poems/one.txt"))).toBe(false);
}

describe("a clone without the big files is fresh, with the same keys,", () => {
  it.each(
    sample<[string, Circumstances]>(
      [
        ["with umask 0077", { umask: "0077" }],
        ["with umask 0002, from a folder in it", { umask: "0002", cwd: "rules/ops" }],
        [
          "in the C locale, in Kathmandu",
          { umask: "0022", env: { LC_ALL: "C", TZ: "Asia/Kathmandu" } },
        ],
        [
          "in German, in the past",
          {
            umask: "0022",
            env: { LC_ALL: "de_DE.UTF-8", LANG: "de_DE.UTF-8", TZ: "Europe/Berlin" },
            old: true,
          },
        ],
        ["in Turkish, where i is not I", { umask: "0022", env: { LC_ALL: "tr_TR.UTF-8" } }],
      ],
      1,
    ),
  )("%s", (name, circumstances) => {
    expectFresh(name.replaceAll(/\W+/g, "-"), circumstances);
  });

  it.runIf(WIDE && canBeNobody)(`as another user ${UNLESS_ROOT}`, () => {
    expectFresh("nobody", { umask: "0077", uid: NOBODY });
  });
});

describe.runIf(canBeNobody && WIDE)(`a checkout that may only be read ${UNLESS_ROOT}`, () => {
  it("is planned, explained and listed like any other, and nothing is left anywhere", () => {
    const checkout = join(elsewhere, "read-only");
    git(elsewhere, "clone", "-q", origin.root, "read-only");
    const before = filesBelow(checkout);
    const temporary = join(elsewhere, "tmp");
    fs.mkdirSync(temporary);
    fs.chmodSync(temporary, 0o777);
    const says = (...args: readonly string[]) => asNobody(checkout, args, { TMPDIR: temporary });
    expect(says("build", "--dry-run", "--check")).toEqual({ code: 0, text: "0 to run, 4 fresh\n" });
    expect(says("list", "out").text).toBe("out/joined.txt\nout/length.txt\n");
    expect(says("why", "out/joined.txt").text).toMatch(/^fresh +out\/joined\.txt/);
    const built = says("build", "big/one.txt");
    expect(built.code).toBe(1);
    expect(built.text).toMatch(
      /^error \S*\.aqm: aqm may not write|^error .*build\.lock: aqm may not write/,
    );
    expect(filesBelow(checkout)).toEqual(before);
    expect(fs.readdirSync(temporary)).toEqual([]);
  });

  it("whose state belongs to somebody else, who keeps it to himself, is planned from the records", () => {
    const checkout = TestWorkspace.at(origin.root);
    for (const path of [".aqm", ".aqm/history", ".aqm/stat-cache"]) {
      const { mode } = fs.statSync(checkout.path(path));
      fs.chmodSync(checkout.path(path), 0o700);
      expect(asNobody(origin.root, ["build", "--dry-run", "--check"])).toEqual({
        code: 0,
        text: "0 to run, 4 fresh\n",
      });
      fs.chmodSync(checkout.path(path), mode);
    }
  });
});
