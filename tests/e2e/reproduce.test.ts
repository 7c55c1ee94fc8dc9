import * as fs from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TestWorkspace } from "../rig/workspace.ts";
import { WIDE } from "../rig/wide.ts";

/** A thermometer that reads a scale from a config, a page made from its readings, and a comparer of readings. */
const FILES = {
  "rules/ops/read.ts": `import { err, ok, type OpCall, type OpFailure, type OpOutputs, type Result } from "aqm";
export const version = 1;
export function run({ params }: OpCall<{ scale: number; broken: boolean }, never>): Result<OpOutputs<"readings">, OpFailure> {
  if (params.broken) return err({ reason: "gate_failed", message: "the glass is broken", nextStep: "Buy one." });
  return ok({ readings: [1, 2, 3].map((n) => "place-" + n + " " + n * params.scale).join("\\n") + "\\n" });
}
`,
  "rules/ops/page.ts": `import { ok, type OpCall, type OpFailure, type OpOutputs, type Result } from "aqm";
export const version = 1;
export function run({ params, inputs }: OpCall<{ most: number }, "readings">): Result<OpOutputs<"page">, OpFailure> {
  return ok({ page: "# Warmth, at most " + params.most + "\\n\\n" + inputs.readings.text() });
}
`,
  "rules/readings.ts": `import type { ComparisonAnswer, ComparisonCall, ReproductionAnswer, ReproductionCall } from "aqm";
export const patterns = ["**/*.readings"];
const first = (text: string): number => Number(text.split(/\\s/)[1]);
export function compare({ a, b }: ComparisonCall): ComparisonAnswer {
  return { ok: true, same: a.text === b.text, text: "", json: null };
}
export function reproduce({ published, made }: ReproductionCall): ReproductionAnswer {
  const [x, y] = [first(published.text), first(made.text)];
  if (Number.isNaN(x)) return { verdict: "not_compared", summary: "these are no readings" };
  const apart = Math.abs(x - y) / Math.max(x, y);
  const within = apart <= 0.05;
  return {
    verdict: within ? "agrees" : "differs",
    summary: (100 * apart).toFixed(0) + " % apart",
    figures: [{ name: "first reading", found: (100 * apart).toFixed(0) + " %", allowed: "at most 5 %", within }],
    reasons: [],
    madeWith: [{ what: "glass", field: "glass", published: null, made: "thin" }],
  };
}
`,
  "conf/schema/scale.schema.json": JSON.stringify({ type: "object" }),
  "conf/scale/plain.yaml": "scale: 100\nmost: 6\nbroken: false\n",
  "Aqmfile.ts": `import { action, build, committed, configuration, from, skip, typescriptOp } from "aqm";
const read = typescriptOp<typeof import("./rules/ops/read.ts")>("rules/ops/read.ts");
const page = typescriptOp<typeof import("./rules/ops/page.ts")>("rules/ops/page.ts");
const { scale, most, broken } = configuration<{ scale: number; most: number; broken: boolean }>("scale", "plain");
const readings = action({ op: read, params: { scale, broken }, inputs: {}, outputs: { readings: committed("out/north/day.readings") } });
export default build([
  action({ op: page, params: { most }, inputs: { readings: from(readings, "readings") }, outputs: { page: committed("out/north/day.md") } }),
  skip("out/south", "it is never cold there"),
], { comparers: ["rules/readings.ts"] });
`,
};

interface Answer {
  readonly files: readonly {
    readonly path: string;
    readonly verdict: string;
    readonly how: string | null;
    readonly summary: string;
    readonly follows: readonly string[];
    readonly reasons: readonly Readonly<Record<string, string | null>>[];
  }[];
  readonly mirrors: string;
  readonly records: boolean;
  readonly unmade: readonly { readonly file: string; readonly because: string }[];
  readonly unknown: readonly string[];
  readonly exitCode: number;
}

let published: TestWorkspace;
let workspace: TestWorkspace;

beforeEach(async () => {
  published = TestWorkspace.create(FILES);
  expect((await published.build()).code).toBe(0);
  workspace = TestWorkspace.create(FILES);
});
afterEach(() => {
  published.remove();
  workspace.remove();
});

const reproduce = (...args: readonly string[]) => workspace.aqm(["reproduce", ...args]);

async function answer(folder: string, ...args: readonly string[]): Promise<Answer> {
  const { stdout, stderr } = await reproduce("out", "--against", folder, "--json", ...args);
  expect(stderr).toBe("");
  return JSON.parse(stdout) as Answer;
}

const verdicts = ({ files }: Answer): Readonly<Record<string, string>> =>
  Object.fromEntries(files.map(({ path, verdict }) => [path, verdict]));

describe("aqm reproduce", () => {
  it("makes what is published, and all agrees under the same settings", async () => {
    const dry = await reproduce("out", "--against", published.root, "--dry-run");
    expect(dry.code).toBe(0);
    expect(dry.stdout).toContain("matched  2 files that targets make, below out\n");
    expect(dry.stdout).toContain("2 to run, 0 fresh");
    expect(workspace.exists("out")).toBe(false);

    const done = await reproduce("out", "--against", published.root);
    expect(done.code, done.stderr).toBe(0);
    expect(done.stdout).toContain("2 of 2 files agree");
    const page = workspace.read("reproduction-out.html");
    expect(page).toContain("All agree");
    expect(page).not.toContain(published.root);
    expect(page).not.toContain(workspace.root);
  });

  it.runIf(WIDE)(
    "takes a copy of what was asked for, with records beside it, and builds only what is published",
    async () => {
      const folder = published.path("out");
      fs.rmSync(published.path("out/north/day.md"));
      const found = await answer(folder);
      expect(found).toMatchObject({ mirrors: "out", records: true, exitCode: 0 });
      expect(verdicts(found)).toEqual({ "out/north/day.readings": "agrees" });
      expect(workspace.exists("out/north/day.md")).toBe(false);
    },
  );

  it("says what differs, what only follows from it, and which recorded setting is not the same", async () => {
    workspace.edit("conf/scale/plain.yaml", "100", "120");
    const found = await answer(published.root);
    expect(found.exitCode).toBe(1);
    expect(verdicts(found)).toEqual({
      "out/north/day.readings": "differs",
      "out/north/day.md": "differs",
    });
    const [readings, page] = found.files;
    expect(readings).toMatchObject({ how: "ran", summary: "17 % apart", follows: [] });
    expect(readings?.reasons).toMatchObject([
      { what: "setting scale", published: "100", made: "120", source: "records" },
    ]);
    expect(page?.follows).toEqual(["out/north/day.readings"]);
    const { stdout } = await reproduce("out", "--against", published.root);
    expect(stdout).toContain("likely   setting scale: 100 published, 120 here");
    expect(stdout).toContain("(1 only because what it is made from does)");
    expect(stdout).toContain("2 of 2 compared files were here already");
  });

  it.runIf(WIDE)(
    "lets a text agree that differs by numbers, where what it is made from agrees",
    async () => {
      workspace.edit("conf/scale/plain.yaml", "100", "101");
      const found = await answer(published.root);
      expect(found.exitCode).toBe(0);
      expect(found.files.map(({ summary }) => summary)).toEqual([
        "1 % apart",
        "the text differs by numbers only (3 numbers, the first 100 → 101), and what it is made from agrees",
      ]);
      // Without what it is made from, nobody can say.
      fs.rmSync(published.path("out/north/day.readings"));
      expect(await answer(published.root)).toMatchObject({
        exitCode: 2,
        files: [{ verdict: "not_compared" }],
      });
    },
  );

  it.runIf(WIDE)("does not let a text agree that was made under other settings", async () => {
    workspace.edit("conf/scale/plain.yaml", "most: 6", "most: 9");
    const found = await answer(published.root);
    expect(verdicts(found)).toEqual({
      "out/north/day.readings": "agrees",
      "out/north/day.md": "not_compared",
    });
    expect(found.files[1]?.summary).toContain("it was made under other settings");
  });

  it.runIf(WIDE)("does not let a text agree of which one source of two is published", async () => {
    const both = (scale: string): TestWorkspace =>
      TestWorkspace.create({
        ...FILES,
        "rules/ops/both.ts": FILES["rules/ops/page.ts"]
          .replace('"readings">', '"readings" | "wind">')
          .replace("inputs.readings.text()", "inputs.readings.text() + inputs.wind.text()"),
        "Aqmfile.ts": FILES["Aqmfile.ts"]
          .replaceAll("rules/ops/page.ts", "rules/ops/both.ts")
          .replace(
            "export default",
            `const wind = action({ op: read, params: { scale: ${scale}, broken }, inputs: {}, outputs: { readings: committed("out/north/wind.readings") } });\nexport default`,
          )
          .replace(
            'from(readings, "readings") }',
            'from(readings, "readings"), wind: from(wind, "readings") }',
          ),
      });
    const [old, now] = [both("1"), both("1000")];
    try {
      expect((await old.build()).code).toBe(0);
      fs.rmSync(old.path("out/north/wind.readings"));
      const { stdout } = await now.aqm(["reproduce", "out", "--against", old.root, "--json"]);
      const found = JSON.parse(stdout) as Answer;
      expect(verdicts(found)).toEqual({
        "out/north/day.readings": "agrees",
        "out/north/day.md": "not_compared",
      });
      expect(found.files[1]?.summary).toContain("out/north/wind.readings, from which it is made");
    } finally {
      old.remove();
      now.remove();
    }
  });

  it.runIf(WIDE)(
    "names what cannot be made here, what nothing makes, and what failed",
    async () => {
      published.write("out/south/day.readings", "1");
      published.write("out/notes.txt", "by hand");
      fs.symlinkSync("notes.txt", published.path("out/more.txt"));
      workspace.edit("conf/scale/plain.yaml", "broken: false", "broken: true");
      const found = await answer(published.root);
      expect(found.unmade).toEqual([
        { file: "out/south/day.readings", because: "skipped here: it is never cold there" },
        { file: "out/more.txt", because: "it is a symbolic link" },
      ]);
      expect(found.unknown).toEqual(["out/notes.txt"]);
      expect(found.files).toMatchObject([
        { verdict: "not_made", summary: "the glass is broken" },
        { verdict: "not_made" },
      ]);
      expect(found.exitCode).toBe(2);
    },
  );

  it.runIf(WIDE)(
    "compares nothing with itself: the published run, or one that was taken over",
    async () => {
      fs.cpSync(published.path("out"), workspace.path("out"), { recursive: true });
      fs.cpSync(published.path("aqm.lock"), workspace.path("aqm.lock"), { recursive: true });
      const found = await answer(published.root);
      expect(found.exitCode).toBe(2);
      expect(found.files.map(({ summary }) => summary.slice(0, 58))).toEqual([
        "what is here is of the very run that was published, by its",
        "what is here is of the very run that was published, by its",
      ]);
      const itself = await reproduce("out", "--against", workspace.root);
      expect(itself).toMatchObject({ code: 2 });
      expect(itself.stderr).toContain("is this workspace itself");
    },
  );

  it.runIf(WIDE)(
    "shows no place of this machine on the page, and does not say that all agrees where files are left",
    async () => {
      published.write("out/notes.txt", "by hand");
      expect((await reproduce("out", "--against", published.root)).code).toBe(0);
      expect(workspace.read("reproduction-out.html")).toContain("All that was compared agrees");
      const { root } = workspace;
      workspace.edit("rules/ops/read.ts", "the glass", `the glass in ${root}/shelf`);
      workspace.edit("conf/scale/plain.yaml", "broken: false", "broken: true");
      await reproduce("out", "--against", published.root);
      const page = workspace.read("reproduction-out.html");
      expect(page).toContain("the glass in ./shelf is broken");
      expect(page).not.toContain(root);
      expect(page).not.toContain(published.root);
    },
  );

  it.runIf(WIDE)("takes no records of the workspace for those of a folder inside it", async () => {
    expect((await workspace.build()).code).toBe(0);
    fs.cpSync(published.path("out"), workspace.path("theirs/out"), { recursive: true });
    const found = await answer(workspace.path("theirs"));
    expect(found).toMatchObject({ records: false, exitCode: 0 });
    expect(verdicts(found)["out/north/day.md"]).toBe("agrees");
  });

  it.runIf(WIDE)(
    "puts the page neither among what is published nor in place of a file that is no such page",
    async () => {
      workspace.write("notes.html", "mine");
      for (const place of [published.path("page.html"), "Aqmfile.ts", "notes.html"]) {
        const refused = await reproduce("out", "--against", published.root, "--page", place);
        expect(refused.code, place).toBe(2);
        expect(refused.stderr).toMatch(/would lie in the folder|is no page of a reproduction/);
      }
      expect(workspace.read("notes.html")).toBe("mine");
      const again = ["out", "--against", published.root, "--page", "page.html"];
      workspace.edit("conf/scale/plain.yaml", "100", "101"); // else the second might be taken for the published run
      expect([(await reproduce(...again)).code, (await reproduce(...again)).code]).toEqual([0, 0]);
    },
  );

  it.runIf(WIDE)("puts the page where it is told to, and never where targets are", async () => {
    const elsewhere = workspace.path("shown/page.html");
    fs.mkdirSync(workspace.path("shown"));
    const args = ["out", "--against", published.root, "--page"];
    expect((await reproduce(...args, elsewhere)).code).toBe(0);
    expect(fs.readFileSync(elsewhere, "utf8")).toContain("Reproduction of out");
    for (const place of ["out/page.html", "out/north/day.md", "."]) {
      const refused = await reproduce(...args, place);
      expect(refused.code, place).toBe(2);
      expect(refused.stderr).toMatch(/is a place of targets|is no place for a file/);
    }
  });

  it("answers wrong usage with what to do", async () => {
    expect((await reproduce("out")).stderr).toContain("needs the folder of published files");
    expect((await reproduce("--against", published.root)).stderr).toContain("needs one target");
    const nowhere = await reproduce("out", "--against", "nowhere");
    expect(nowhere).toMatchObject({ code: 2 });
    expect(nowhere.stderr).toContain("nowhere cannot be compared with");
    const other = await reproduce("out", "--against", published.path("conf"));
    expect(other.code).toBe(2);
    expect(other.stderr).toContain("is made by a target below out");
  });
});
