import * as fs from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WIDE } from "../rig/wide.ts";
import { TestWorkspace } from "../rig/workspace.ts";

/** A poem that is set to music at great cost; settings from elsewhere are files `*.song`. */
const FILES = {
  "rules/ops/compose.ts": `import { ok } from "aqm";
import type { OpCall, OpFailure, OpOutputs, Result } from "aqm";
export const version = 1;
export function run({ params, inputs }: OpCall<{ tempo: number }, "poem">): Result<OpOutputs<"song">, OpFailure> {
  return ok({ song: params.tempo + "\\n" + inputs.poem.text() });
}
`,
  "rules/ops/print.ts": `import { ok } from "aqm";
import type { OpCall, OpFailure, OpOutputs, Result } from "aqm";
export const version = 1;
export function run({ inputs }: OpCall<object, "song">): Result<OpOutputs<"page">, OpFailure> {
  return ok({ page: "<" + inputs.song.text() + ">" });
}
`,
  "rules/adopters/songs.ts": `import type { AdoptionCall, AdoptionFinding } from "aqm";
export const patterns = ["**/*.song"];
export function adopt({ files, actions }: AdoptionCall): readonly AdoptionFinding[] {
  return files.map((file): AdoptionFinding => {
    const name = file.path.slice(file.path.lastIndexOf("/") + 1);
    const target = "out/" + name;
    const wanted = actions.find((action) => action.target === target);
    if (wanted === undefined) {
      return { kind: "refusal", file: file.path, message: "nobody declared it", nextStep: "Declare it.", contradictions: [], unmatched: true };
    }
    const found = Number(file.text.split("\\n")[0]);
    const declared = wanted.params["tempo"] ?? null;
    return {
      kind: "candidate", file: file.path, results: [{ target, outputs: { song: file.text } }],
      grade: "consistent", unknown: ["the poem"], checks: [],
      contradictions: found === declared ? [] : [{ field: "tempo", declared, found }],
    };
  });
}
`,
  "conf/schema/music.schema.json": JSON.stringify({ type: "object" }),
  "conf/music/slow.yaml": "tempo: 60\n",
  "Aqmfile.ts": `import { action, build, committed, configuration, file, from, typescriptOp } from "aqm";
const compose = typescriptOp<typeof import("./rules/ops/compose.ts")>("rules/ops/compose.ts");
const print = typescriptOp<typeof import("./rules/ops/print.ts")>("rules/ops/print.ts");
const { tempo } = configuration<{ tempo: number }>("music", "slow");
const page = (name: string) => {
  const song = action({
    op: compose, params: { tempo },
    inputs: { poem: file("poems/" + name + ".txt", { obtain: "find it" }) },
    outputs: { song: committed("out/" + name + ".song") },
  });
  return action({ op: print, params: {}, inputs: { song: from(song, "song") }, outputs: { page: committed("out/" + name + ".page") } });
};
export default build([page("ode"), page("elegy")], { adopters: ["rules/adopters/songs.ts"] });
`,
};

interface Answer {
  readonly rows: readonly {
    readonly file: string;
    readonly decision: string;
    readonly grade: string | null;
    readonly reason: string | null;
  }[];
  readonly notes: readonly string[];
}

describe("aqm adopt", () => {
  let workspace: TestWorkspace;
  let elsewhere: TestWorkspace;

  beforeEach(() => {
    workspace = TestWorkspace.create(FILES);
    elsewhere = TestWorkspace.create({ "songs/ode.song": "60\nla la\n" });
  });
  afterEach(() => {
    workspace.remove();
    elsewhere.remove();
  });

  const adopt = (...args: readonly string[]) => workspace.aqm(["adopt", ...args]);
  async function answer(...args: readonly string[]): Promise<Answer & { code: number | null }> {
    const { stdout, code } = await adopt(elsewhere.root, "--json", ...args);
    return { ...(JSON.parse(stdout) as Answer), code };
  }

  it("copies what fits, so that what follows is built without what it was made from", async () => {
    const foreseen = await answer("--dry-run");
    expect(foreseen.rows).toMatchObject([{ decision: "adopt", grade: "consistent" }]);
    expect(workspace.exists("out")).toBe(false);
    expect(workspace.exists("aqm.lock")).toBe(false);

    const done = await adopt(elsewhere.root);
    expect(done.code).toBe(0);
    expect(done.stdout).toContain("adopted (consistent)");
    expect(done.stdout).toContain("unknown     the poem");
    expect(elsewhere.read("songs/ode.song")).toBe("60\nla la\n");
    const record = workspace.read("aqm.lock/out/ode.song.json");
    expect(record).toContain('"poem": "unknown"');
    expect(record).not.toContain(elsewhere.root);

    const built = await workspace.build(["out/ode.page"]);
    expect(built.ran).toEqual(["out/ode.page"]);
    expect(workspace.read("out/ode.page")).toBe("<60\nla la\n>");
    expect((await answer()).rows).toMatchObject([{ decision: "already" }]);

    const plan = await workspace.aqm(["build", "--dry-run", "-v", "out/ode.page"]);
    expect(plan.stdout).toContain("out/ode.song adopted (consistent)");
    const why = await workspace.aqm(["why", "out/ode.song"]);
    expect(why.stdout).toContain("adopted (consistent); unknown: the poem");

    workspace.edit("conf/music/slow.yaml", "60", "90");
    const stale = await workspace.aqm(["build", "--dry-run", "--check", "out/ode.page"]);
    expect(stale.stdout).toContain("params.tempo: 60 → 90");
    expect(stale.stdout).toContain("poems/ode.txt is missing; find it");
    expect(stale.code).toBe(12);
  });

  it.runIf(WIDE)("survives a clone: the record and the file are all that is needed", async () => {
    await adopt(elsewhere.root);
    fs.rmSync(workspace.path(".aqm"), { recursive: true });
    expect((await workspace.build(["out/ode.page"])).ran).toEqual(["out/ode.page"]);
  });

  it("refuses what contradicts the declaration, and takes it only for a reason", async () => {
    elsewhere.write("songs/ode.song", "75\nla\n");
    const refused = await adopt(elsewhere.root);
    expect(refused.code).toBe(1);
    expect(refused.stdout).toContain("contradicts tempo: declared 60, found 75");
    expect(workspace.exists("aqm.lock")).toBe(false);
    expect((await adopt(elsewhere.root, "--because", " ")).code).toBe(2);
    const asserted = await answer("--because", "sung at 60 all the same");
    expect(asserted).toMatchObject({ code: 0, rows: [{ decision: "adopt", grade: "asserted" }] });
    expect(workspace.read("aqm.lock/out/ode.song.json")).toContain("sung at 60 all the same");
  });

  it("does not replace other content unless told to, and keeps what was there", async () => {
    workspace.write("out/ode.song", "60\nby hand\n");
    expect(await answer()).toMatchObject({
      code: 1,
      rows: [{ decision: "refused", reason: "something else lies at out/ode.song" }],
    });
    expect(workspace.read("out/ode.song")).toBe("60\nby hand\n");
    const forced = await answer("--force");
    expect(forced.code).toBe(0);
    expect(workspace.read("out/ode.song")).toBe("60\nla la\n");
    const [, kept = ""] = /is kept in (.*)$/.exec(forced.notes[0] ?? "") ?? [];
    expect(workspace.read(kept)).toBe("60\nby hand\n");
  });

  it.runIf(WIDE)("adopts the one and refuses the other, each for itself", async () => {
    elsewhere.write("songs/elegy.song", "99\nla\n");
    elsewhere.write("songs/waltz.song", "60\nla\n");
    const mixed = await answer();
    expect(mixed.code).toBe(1);
    expect(mixed.rows.map(({ file, decision }) => [file.split("/").at(-1), decision])).toEqual([
      ["elegy.song", "refused"],
      ["ode.song", "adopt"],
      ["waltz.song", "refused"],
    ]);
    expect(workspace.exists("out/elegy.song")).toBe(false);
    expect(workspace.read("out/ode.song")).toBe("60\nla la\n");
    // What was not asked for is no fault.
    expect(await answer("out/ode.page")).toMatchObject({
      code: 0,
      rows: [{ decision: "already" }],
    });
  });

  it("names links, names and contents that cannot be taken, and two sources for one target", async () => {
    elsewhere.write("more/ode.song", "60\nla di da\n");
    fs.symlinkSync("ode.song", elsewhere.path("songs/elegy.song"));
    fs.symlinkSync("songs", elsewhere.path("linked"));
    elsewhere.write("bad/elegy.song", Uint8Array.of(0x36, 0x30, 0x0a, 0xff));
    fs.mkdirSync(elsewhere.path("odd"));
    const name = Buffer.concat([Buffer.from(`${elsewhere.path("odd")}/`), Buffer.of(0xff)]);
    fs.writeFileSync(name, "");
    const { rows, code } = await answer();
    expect(code).toBe(1);
    const reasons = new Map(
      rows.map(({ file, reason }) => [file.split("/").slice(1).join("/"), reason]),
    );
    expect(reasons.get("songs/elegy.song")).toBe("it is a symbolic link");
    expect(reasons.get("linked")).toBe("it is a symbolic link");
    expect(reasons.get("bad/elegy.song")).toBe("it is not UTF-8 text");
    expect(reasons.get("odd")).toContain("a name in odd in it is not UTF-8");
    expect(reasons.get("songs/ode.song")).toContain("several sources are for the same target");
    expect(reasons.get("more/ode.song")).toContain("several sources are for the same target");
    expect(workspace.exists("out")).toBe(false);
  });

  it("answers wrong usage with what to do", async () => {
    expect((await adopt()).code).toBe(2);
    const missing = await adopt("nowhere");
    expect(missing.code).toBe(2);
    expect(missing.stderr).toContain("cannot be searched");
    fs.rmSync(elsewhere.path("songs"), { recursive: true });
    const empty = await adopt(elsewhere.root);
    expect(empty.code).toBe(1);
    expect(empty.stderr).toContain("No artifact was found");
    workspace.write("rules/adopters/songs.ts", "export const patterns = [];\n");
    const broken = await adopt(elsewhere.root);
    expect(broken.stderr).toContain("it does not export patterns and adopt");
    expect(broken.code).toBe(2);
    workspace.edit("Aqmfile.ts", `{ adopters: ["rules/adopters/songs.ts"] }`, "{}");
    expect((await adopt(elsewhere.root)).stderr).toContain("names no adopters");
  });
});
