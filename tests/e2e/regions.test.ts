import * as fs from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WIDE } from "../rig/wide.ts";
import { TestWorkspace } from "../rig/workspace.ts";

/** Two regions of one README, each made from a file of its own, and a third from the first's source. */
let workspace: TestWorkspace;
const README = "docs/README.md";
const marked = (id: string, content: string): string =>
  `<!-- aqm:${id} begin -->\n${content}<!-- aqm:${id} end -->\n`;

beforeEach(() => {
  workspace = TestWorkspace.create({
    "a.txt": "one\n",
    "b.txt": "uno\n",
    "rules/ops/table.ts": `import { ok, type OpCall, type OpFailure, type OpOutputs, type Result } from "aqm";
export const version = 1;
export function run({ inputs }: OpCall<object, "text">): Result<OpOutputs<"table">, OpFailure> {
  return ok({ table: "made from " + inputs.text.text() });
}
`,
    "Aqmfile.ts": `import { action, build, file, region, typescriptOp } from "aqm";
const op = typescriptOp<typeof import("./rules/ops/table.ts")>("rules/ops/table.ts");
const table = (source: string, id: string) =>
  action({ op, params: {}, inputs: { text: file(source) }, outputs: { table: region("${README}", id) } });
export default build([table("a.txt", "runs"), table("b.txt", "costs")]);
`,
  });
});
afterEach(() => workspace.remove());

const built = async (...args: readonly string[]) => {
  const { code, events, ran, stderr } = await workspace.build(args);
  const failures = events.flatMap((event) =>
    event.type === "action_failed" ? [event.failure] : [],
  );
  const notices = events.flatMap((event) => (event.type === "notice" ? [event.message] : []));
  return { code, ran, failures, notices, stderr };
};

describe("a region", () => {
  it("is filled in a file that is not there, and fresh then", async () => {
    expect(await built()).toMatchObject({ code: 0, ran: [`${README}#runs`, `${README}#costs`] });
    const text = workspace.read(README);
    expect(text).toContain(marked("runs", "made from one\n"));
    expect(text).toContain(marked("costs", "made from uno\n"));
    expect(await built()).toMatchObject({ code: 0, ran: [] });
    expect((await workspace.aqm(["verify"])).code).toBe(0);
    expect((await workspace.aqm(["verify", "--rerun"])).code).toBe(0);
  });

  it("leaves all else byte for byte, in the file's own line ends and mode", async () => {
    const above = Buffer.from([0xef, 0xbb, 0xbf, 0xff, 0x00, 0x0d, 0x0a]);
    const dos = (text: string): Buffer => Buffer.from(text.replaceAll("\n", "\r\n"));
    const [runs, costs] = [marked("runs", "").split("\n"), marked("costs", "").split("\n")];
    const between = Buffer.from("\r\n\tbetween  \r\n\u00e4\n");
    workspace.write(
      README,
      Buffer.concat([
        above,
        dos(marked("runs", "")),
        between,
        dos(marked("costs", "")),
        Buffer.from("end, no line"),
      ]),
    );
    fs.chmodSync(workspace.path(README), 0o640);
    expect((await built()).code).toBe(0);
    const expected = Buffer.concat([
      above,
      dos(`${runs[0] ?? ""}\nmade from one\n${runs[1] ?? ""}\n`),
      between,
      dos(`${costs[0] ?? ""}\nmade from uno\n${costs[1] ?? ""}\n`),
      Buffer.from("end, no line"),
    ]);
    expect(fs.readFileSync(workspace.path(README)).equals(expected)).toBe(true);
    expect(fs.statSync(workspace.path(README)).mode & 0o777).toBe(0o640);
    // The same lines with other ends, as Git may check them out, are the same content.
    workspace.write(README, expected.toString("latin1").replaceAll("\r\n", "\n"));
    expect(await built()).toMatchObject({ code: 0, ran: [] });
  });

  it.runIf(WIDE)(
    "stays fresh when the rest of the file is edited, and its edit is seen",
    async () => {
      await built();
      const text = workspace.read(README);
      workspace.write(README, `# Title\n\n${text}and more\n`);
      const dry = await workspace.aqm(["build", "--dry-run"]);
      expect(dry.stdout).toContain("0 to run, 2 fresh");
      expect(await built()).toMatchObject({ code: 0, ran: [] });
      workspace.edit(README, "made from one", "made by me");
      const edited = await workspace.aqm(["build", "--dry-run"]);
      expect(edited.stdout).toContain(`the region runs in ${README} was edited by hand`);
      expect(edited.stdout).toContain("1 fresh");
    },
  );

  it("that was edited has a verdict of its own, also where it is due for another reason", async () => {
    await built();
    workspace.edit(README, "made from one\n", "made by me\n");
    const plan = async (...args: readonly string[]) =>
      JSON.parse((await workspace.aqm(["build", "-n", "--json", ...args])).stdout) as {
        actions: { verdict: string; causes: { kind: string; fate?: string }[] }[];
        cost: { edited: number; run: number };
      };
    const edit = { kind: "region_edited", path: `${README}#runs`, fate: "left" };
    const before = await plan();
    expect(before.actions[0]).toMatchObject({ verdict: "edited", causes: [edit] });
    expect(before.cost).toMatchObject({ edited: 1, run: 0 });
    expect((await workspace.aqm(["build", "-n", "--check"])).code).toBe(10);

    workspace.write("a.txt", "two\n");
    const due = [edit, { kind: "changed" }];
    expect((await plan()).actions[0]).toMatchObject({ verdict: "edited", causes: due });
    const why = await workspace.aqm(["why", `${README}#runs`]);
    expect(why.stdout).toMatch(/^edited {3}docs\/README\.md#runs/);
    expect(why.stdout).toContain(
      "a build shows the edit and leaves the region as it is; --force fills it again",
    );
    const { stdout } = await workspace.aqm(["build", "--dry-run"]);
    expect(stdout).toContain("0 to run, 1 edited by hand, 1 fresh");

    const forced = await plan("--force");
    const aside = [{ ...edit, fate: "kept_aside" }, { kind: "changed" }];
    expect(forced.actions[0]).toMatchObject({ verdict: "run", causes: aside });
    expect(await built("--force")).toMatchObject({ code: 0, ran: [`${README}#runs`] });
    expect((await plan()).cost).toMatchObject({ edited: 0, run: 0 });
  });

  it.runIf(WIDE)("that aqm itself wrote earlier is not taken for an edit", async () => {
    await built();
    const earlier = workspace.read(README);
    workspace.write("a.txt", "two\n");
    await built();
    workspace.write(README, earlier);
    const { stdout } = await workspace.aqm(["build", "--dry-run"]);
    expect(stdout).toContain("1 to restore, 1 fresh");
    expect((await built()).code).toBe(0);
  });

  it("is not filled over an edit by hand, which is shown; the other one is", async () => {
    await built();
    workspace.edit(README, "made from one\n", "made from one\nmy own line\n");
    workspace.write("b.txt", "due\n");
    const refused = await built("--keep-going");
    expect(refused).toMatchObject({
      code: 1,
      ran: [`${README}#costs`], // the op would run for nothing
      failures: [{ reason: "region_edited", target: `${README}#runs` }],
    });
    expect(refused.failures[0]?.cause).toBe("since aqm wrote it:\n  made from one\n+ my own line");
    expect(refused.failures[0]?.nextStep).toContain("--force");
    expect(workspace.read(README)).toContain("my own line");
    expect(workspace.read(README)).toContain("made from due");
    // Nor when it is due for another reason.
    workspace.write("a.txt", "two\n");
    const due = { code: 1, ran: [], failures: [{ reason: "region_edited" }] };
    expect(await built()).toMatchObject(due);
    expect(await built("--rerun", `${README}#runs`)).toMatchObject(due);
    expect(workspace.read(README)).toContain("my own line");

    const forced = await built("--force");
    expect(forced).toMatchObject({
      code: 0,
      notices: [expect.stringContaining("is kept in .aqm/replaced/")],
    });
    expect(workspace.read(README)).toContain(marked("runs", "made from two\n"));
    const kept = / kept in (\S+)$/.exec(forced.notices[0] ?? "")?.[1] ?? "";
    expect(workspace.read(kept)).toBe("made from one\nmy own line\n");
  });

  it.runIf(WIDE)(
    "is filled anew when its source changes, or goes back, and restored when it was emptied",
    async () => {
      await built();
      workspace.write("a.txt", "two\n");
      expect(await built()).toMatchObject({ code: 0, ran: [`${README}#runs`] });
      workspace.write("a.txt", "one\n");
      expect(await built()).toMatchObject({ code: 0, ran: [] });
      expect(workspace.read(README)).toContain(marked("runs", "made from one\n"));
      workspace.edit(README, "made from one\n", "");
      expect(await built()).toMatchObject({ code: 0, ran: [], failures: [] });
      expect(workspace.read(README)).toContain(marked("runs", "made from one\n"));
    },
  );

  it("is not filled over words that were there before aqm", async () => {
    workspace.write(README, marked("runs", "my own\n"));
    // No record says what aqm wrote there last, so the op runs and tells; the plan counts the run.
    const { stdout } = await workspace.aqm(["build", "--dry-run"]);
    expect(stdout).toContain("2 to run");
    const refused = await built("--keep-going");
    expect(refused).toMatchObject({ code: 1, failures: [{ reason: "region_edited" }] });
    expect(refused.failures[0]?.cause).toContain("- made from one\n+ my own");
  });

  it("with damaged markers is an error, before anything runs", async () => {
    workspace.write(README, "<!-- aqm:runs begin -->\n");
    const refused = await built(`${README}#runs`);
    expect(refused).toMatchObject({ code: 1, failures: [{ reason: "region_damaged" }] });
    expect(refused.failures[0]?.cause).toContain(
      "line 1 begins the region runs, and nothing ends it",
    );
    expect(workspace.read(README)).toBe("<!-- aqm:runs begin -->\n");
    fs.rmSync(workspace.path(README));
    workspace.write("elsewhere.md", "text\n");
    fs.symlinkSync("../elsewhere.md", workspace.path(README));
    expect(await built(`${README}#runs`)).toMatchObject({
      code: 1,
      failures: [{ reason: "region_damaged" }],
    });
    expect(workspace.read("elsewhere.md")).toBe("text\n");
  });

  it.runIf(WIDE)("is emptied by clean, unless somebody edited it; its markers stay", async () => {
    await built();
    workspace.edit(README, "made from uno", "edited");
    const { stdout } = await workspace.aqm(["clean"]);
    expect(stdout).toContain(`removed ${README}#runs`);
    expect(stdout).toContain(`kept ${README}#costs`);
    expect(workspace.read(README)).toContain(marked("runs", ""));
    expect(workspace.read(README)).toContain("edited");
    expect((await workspace.aqm(["verify"])).code).toBe(1);
    expect(await built(`${README}#runs`)).toMatchObject({ code: 0, ran: [] });
  });

  it.runIf(WIDE)("makes a clone fresh", async () => {
    await built();
    fs.rmSync(workspace.path(".aqm"), { recursive: true });
    const { stdout, code } = await workspace.aqm(["build", "--dry-run", "--check"]);
    expect(stdout).toContain("0 to run, 2 fresh");
    expect(code).toBe(0);
  });

  it("that was edited keeps all outputs of its action from being restored, in a dry run too", async () => {
    workspace.edit(
      "Aqmfile.ts",
      "outputs: { table",
      'outputs: { copy: committed(id + ".txt"), table',
    );
    workspace.edit("Aqmfile.ts", "build, file", "build, committed, file");
    workspace.edit("rules/ops/table.ts", "OpOutputs<", 'OpOutputs<"copy" | ');
    workspace.edit("rules/ops/table.ts", "ok({ table:", 'ok({ copy: "copy", table:');
    expect((await built()).code).toBe(0);
    fs.rmSync(workspace.path("runs.txt"));
    workspace.edit(README, "made from one\n", "made by me\n");
    for (const options of [["-n"], []]) {
      const { code, stdout } = await workspace.aqm(["restore", ...options, "runs.txt"]);
      expect(code).toBe(1);
      for (const path of ["runs.txt", `${README}#runs`])
        expect(stdout).toContain(
          `not restored ${path}: the region ${README}#runs was edited by hand; \`aqm restore --force\``,
        );
    }
    expect((await workspace.aqm(["restore", "--force", "runs.txt"])).code).toBe(0);
    expect(workspace.read(README)).toContain("made from one\n");
  });
});
