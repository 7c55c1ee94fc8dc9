import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WIDE } from "../rig/wide.ts";
import type { TestWorkspace } from "../rig/workspace.ts";
import { textWorkspace } from "./text-workspace.ts";

let workspace: TestWorkspace;
beforeEach(() => (workspace = textWorkspace()));
afterEach(() => workspace.remove());

const stdout = async (...args: string[]): Promise<string> => (await workspace.aqm(args)).stdout;

describe("aqm list", () => {
  it("lists targets by folder and glob, and the sources behind them", async () => {
    expect(await stdout("list")).toBe("big/one.txt\nbig/two.txt\nout/joined.txt\nout/length.txt\n");
    expect(await stdout("list", "out")).toBe("out/joined.txt\nout/length.txt\n");
    expect(await stdout("list", "**/*{one,length}*")).toBe("big/one.txt\nout/length.txt\n");
    expect(await stdout("list", "--sources", "big/one.txt")).toBe("poems/one.txt\n");
  });

  it("takes targets relative to the folder that it is called in", async () => {
    const { stdout: text } = await workspace.aqm(["list", "../out"], {
      cwd: workspace.path("poems"),
    });
    expect(text).toBe("out/joined.txt\nout/length.txt\n");
  });
});

describe("a target outside of the workspace", () => {
  it.each([
    "clean ../out",
    "clean --force ..",
    "build ../../out/joined.txt",
    "build --dry-run /out",
    "list /",
    "list ../**",
    "why out/../../out/joined.txt",
    "verify ..",
    "graph /etc/passwd",
    "sweep style=plain ../out",
    "query deps ../out/joined.txt",
    "query rdeps /poems/one.txt",
    "query paths poems/one.txt ../out",
    "lock resolve ..",
    "adopt poems ../out",
  ])("is refused: aqm %s", async (words) => {
    workspace.write("out/joined.txt", "mine");
    const { code, stderr } = await workspace.aqm(words.split(" "));
    expect(stderr).toMatch(/lies outside of the workspace\n/);
    expect(code).toBe(2);
    expect(workspace.read("out/joined.txt")).toBe("mine");
  });

  it.each(["clean", "build", "list"])(
    "is not the whole folder where it is empty: aqm %s",
    async (command) => {
      expect(await workspace.aqm([command, ""])).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(/^error A target is empty\n/) as string,
      });
    },
  );

  it("is not one whose path leads back in, absolute or by way of a link", async () => {
    const names = "out/joined.txt\nout/length.txt\n";
    const { root } = workspace;
    const link = `${root}-link`;
    fs.symlinkSync(root, link);
    for (const path of [
      `${root}/out`,
      `../${root.split("/").at(-1)}/out`,
      `${link}/out`,
      "./out/.",
    ])
      expect(await stdout("list", path)).toBe(names);
    expect(await stdout("list", root)).toContain("big/one.txt");
    fs.rmSync(link);
  });
});

describe("aqm why", () => {
  it("follows causes to their roots", async () => {
    await workspace.build();
    workspace.edit("rules/ops/sign.ts", "--", "==");
    const text = await stdout("why", "out/length.txt");
    expect(text).toMatch(/unknown {2}out\/length\.txt/);
    expect(text).toMatch(
      /because source rules\/ops\/sign\.ts changed: [0-9a-f]{10} → [0-9a-f]{10}/,
    );
  });

  it("says fresh of what is fresh", async () => {
    await workspace.build();
    expect(await stdout("why", "out/length.txt")).toMatch(
      /^fresh {4}out\/length\.txt [0-9a-f]{10}\n$/,
    );
  });
});

describe("an op that a rule names", () => {
  it("is looked for beside its file where the name is mistyped", async () => {
    fs.renameSync(workspace.path("rules/ops/count.ts"), workspace.path("rules/ops/counts.ts"));
    const { code, stderr } = await workspace.aqm(["build", "--dry-run"]);
    expect(stderr).toMatch(/There is no op at rules\/ops\/count\.ts/);
    expect(stderr).toMatch(/Did you mean counts\.ts\? Correct the name in the rule/);
    expect(code).toBe(2);
  });
});

describe("aqm clean", () => {
  it("removes what aqm wrote, keeps what somebody changed, and touches nothing else", async () => {
    await workspace.build();
    workspace.write("out/length.txt", "mine now\n");
    workspace.write("out/notes.txt", "mine always\n");
    const text = await stdout("clean");
    expect(text).toContain("removed big/one.txt");
    expect(text).toContain("kept out/length.txt: it was changed since");
    expect(workspace.exists("big")).toBe(false);
    expect(fs.readdirSync(workspace.path("out"))).toEqual(["length.txt", "notes.txt"]);
    expect(workspace.exists("poems/one.txt")).toBe(true);
  });

  it("only says what it would do with --dry-run", async () => {
    await workspace.build();
    expect(await stdout("clean", "--dry-run", "out")).toBe(
      "would remove out/joined.txt\nwould remove out/length.txt\n",
    );
    expect(workspace.exists("out/joined.txt")).toBe(true);
  });
});

describe("help and completion", () => {
  it("teaches with options and examples", async () => {
    expect(await stdout("--help")).toContain("aqm build --dry-run");
    const help = await stdout("build", "--help");
    expect(help).toContain("--keep-going");
    expect(help).toContain("Examples");
    expect(await stdout("--version")).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it("completes commands, options and target paths one level at a time", async () => {
    expect(await stdout("__complete", "b")).toBe("build\n");
    expect(await stdout("__complete", "build", "--keep")).toBe("--keep-going\n");
    expect(await stdout("__complete", "build", "o")).toBe("out/\n");
    expect(await stdout("__complete", "build", "out/j")).toBe("out/joined.txt\n");
    for (const shell of ["bash", "zsh", "fish"])
      expect(await stdout("completion", shell)).toContain("__complete");
  });

  it("completes the values of --layout and --set, also where bash splits them at the equals sign", async () => {
    const complete = (...words: readonly string[]) => stdout("__complete", "build", ...words);
    expect(await complete("--layout", "")).toBe("publish\ntmp\n");
    expect(await complete("--layout=t")).toBe("--layout=tmp\n");
    expect(await complete("--layout", "=", "t")).toBe("tmp\n");
    expect(await complete("--set", "")).toBe("style.loud=\nstyle.unused=\nstyle=plain\n");
    expect(await complete("--set", "style=p")).toBe("style=plain\n");
    expect(await complete("--set", "style", "=")).toBe("plain\n");
  });

  it("hands bash names that bash takes as they are, and asks for what a quoted word means", async () => {
    const names = ["out/a$(touch PWNED)`touch PWNED`b.txt", "out/*", "~root; x", "out/"];
    const script = [
      await stdout("completion", "bash"),
      `aqm() { [ "$3" = "out/a \\$(" ] || [ "$3" = out/ ] && printf '%s\\n' ${names.map((name) => `'${name}'`).join(" ")}; }`,
      `COMP_WORDS=(aqm build "$1"); COMP_CWORD=2; _aqm`,
      `eval "set -- \${COMPREPLY[*]}"; printf '%s\\n' "$@"; [ -e PWNED ] && echo ran`,
    ].join("\n");
    const folder = workspace.path(".");
    for (const typed of ["out/a\\ \\$\\(", '"out/a $(', "out/"]) {
      const { stdout: read } = spawnSync("bash", ["-c", script, "bash", typed], { cwd: folder });
      expect(String(read).split("\n").slice(0, 4)).toEqual(names);
      expect(String(read)).not.toContain("ran");
    }
  });

  it.runIf(WIDE)(
    "completes npx aqm by the aqm that npx runs, and leaves other calls of npx alone",
    async () => {
      fs.mkdirSync(workspace.path("node_modules/.bin"), { recursive: true });
      fs.symlinkSync(workspace.bin, workspace.path("node_modules/.bin/aqm"));
      const complete = (words: string, at: number): string =>
        `COMP_WORDS=(${words}); COMP_CWORD=${at}; _aqm_npx; printf '%s ' "\${COMPREPLY[@]}"; echo`;
      const script = [
        "set -u",
        "_before() { COMPREPLY=(before); }; complete -F _before npx",
        await stdout("completion", "bash"),
        await stdout("completion", "bash"), // sourced twice, as a new shell in a shell may
        "complete -p npx",
        complete("npx aqm build out/", 3),
        complete("npx --no aqm bui", 3),
        complete("npx aqm build --dry", 3),
        complete("npx vites", 1),
        "unset _aqm_npx_before",
        complete("npx aq", 1),
      ].join("\n");
      const { stdout: read } = spawnSync("bash", ["-c", script], { cwd: workspace.path(".") });
      expect(String(read).split("\n")).toEqual([
        "complete -o default -F _aqm_npx npx",
        "out/joined.txt out/length.txt ",
        "build ",
        "--dry-run ",
        "before ",
        "aqm ",
        "",
      ]);
    },
  );
});
