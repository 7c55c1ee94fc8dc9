import * as fs from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { lockRecordText, parseLockRecord } from "../../src/host/records/records.ts";
import { actionKey } from "../../src/keys/describe.ts";
import { digestOfBytes, type Digest } from "../../src/model/digest.ts";
import { TestWorkspace } from "../rig/workspace.ts";
import { WIDE } from "../rig/wide.ts";
import { variedWorkspace } from "./varied-workspace.ts";

let workspace: TestWorkspace;
beforeEach(async () => {
  workspace = variedWorkspace();
  expect((await workspace.aqm(["build", "out/calm"])).code).toBe(0);
});
afterEach(() => workspace.remove());

const TEXT = "out/calm/small/text.json";

interface Verified {
  readonly target: string;
  readonly state: string;
  readonly outputs: readonly { path: string; state: string }[];
  readonly inputs: readonly { path: string; state: string }[];
  readonly rerun?: {
    readonly state: string;
    readonly reason: string | null;
    readonly differences: readonly { path: string; first: string }[];
    readonly devices: { recorded: string; now: string } | null;
  };
}
const verify = async (
  ...args: readonly string[]
): Promise<{ code: number | null; targets: readonly Verified[] }> => {
  const { code, stdout, stderr } = await workspace.aqm(["verify", "--json", ...args]);
  expect(stderr).toBe("");
  return { code, targets: (JSON.parse(stdout) as { targets: Verified[] }).targets };
};
/** Puts another output in place, with a record that is whole and says that it was made from these inputs. */
function forge(target: string, content: string, inputs: Readonly<Record<string, Digest>>): void {
  workspace.write(target, content);
  const record = parseLockRecord(workspace.read(`aqm.lock/${target}.json`));
  if (record === null) throw new Error(`${target} has no record`);
  const action = { ...record.action, inputs: { ...record.action.inputs, ...inputs } };
  const outputs = Object.fromEntries(
    Object.entries(record.outputs).map(([role, output]) => [
      role,
      { ...output, digest: digestOfBytes(content), size: Buffer.byteLength(content) },
    ]),
  );
  const forged = { ...record, action, key: actionKey(action), outputs };
  workspace.write(`aqm.lock/${target}.json`, lockRecordText(forged));
}
/** Everything in the workspace that a person or Git would see. */
const contents = (): Readonly<Record<string, string>> =>
  Object.fromEntries(
    fs
      .readdirSync(workspace.root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => `${parentPath}/${name}`)
      .filter((path) => !path.includes("/.aqm/"))
      .map((path) => [path, fs.readFileSync(path, "utf8")]),
  );

describe("aqm verify", () => {
  it("finds everything as recorded, also without what a clone lacks", async () => {
    const first = await workspace.aqm(["verify", "out/calm", "data"]);
    expect(first.code).toBe(0);
    expect(first.stdout).toContain("6 targets: 6 verified");
    fs.rmSync(workspace.path("data"), { recursive: true });
    fs.rmSync(workspace.path(".aqm"), { recursive: true });
    const { code, targets } = await verify("out/calm", "data");
    expect(code).toBe(0);
    expect(targets.map(({ state }) => state).sort()).toEqual([
      ...Array<string>(2).fill("missing_local_output"),
      ...Array<string>(4).fill("verified"),
    ]);
    expect(workspace.exists("data")).toBe(false);
  });

  it("reads every byte: what the stat cache would believe is found out", async () => {
    const path = workspace.path(TEXT);
    const { atime, mtime, ino } = fs.statSync(path);
    const cache = fs.readFileSync(workspace.path(".aqm/stat-cache"));
    const file = fs.openSync(path, "r+");
    fs.writeSync(file, "[", 0);
    fs.closeSync(file);
    fs.utimesSync(path, atime, mtime);
    expect(fs.statSync(path).ino).toBe(ino);
    fs.writeFileSync(workspace.path(".aqm/stat-cache"), cache);
    const { code, targets } = await verify(TEXT);
    expect(code).toBe(1);
    expect(targets).toMatchObject([
      { state: "changed", outputs: [{ path: TEXT, state: "changed" }] },
    ]);
  });

  it.each<[string, (w: TestWorkspace) => void, string, string]>([
    [
      "a changed input",
      (w) => w.write("data/small.txt", "x\n"),
      "changed",
      "input data/small.txt is changed",
    ],
    ["a missing output", (w) => fs.rmSync(w.path(TEXT)), "changed", `output ${TEXT} is missing`],
    ["no record", (w) => fs.rmSync(w.path(`aqm.lock/${TEXT}.json`)), "no record", ""],
    [
      "a record with a flipped bit",
      (w) => w.edit(`aqm.lock/${TEXT}.json`, '"size": ', '"size": 1'),
      "damaged record",
      "",
    ],
  ])("says %s", async (_what, change, state, detail) => {
    change(workspace);
    const { code, stdout } = await workspace.aqm(["verify", TEXT]);
    expect(code).toBe(1);
    expect(stdout).toMatch(new RegExp(`^${state} `));
    expect(stdout).toContain(detail);
  });

  it("runs again without publishing, and finds the same bytes", async () => {
    const before = contents();
    const { code, targets } = await verify("--rerun", "out/calm", "data");
    expect(code).toBe(0);
    expect(targets.map(({ rerun }) => rerun?.state)).toEqual(Array(6).fill("same"));
    expect(contents()).toEqual(before);
    expect(fs.existsSync(workspace.path(".aqm/stage"))).toBe(false);
    expect((await workspace.build(["out/calm"])).ran).toEqual([]);
  });

  it.runIf(WIDE)(
    "names the first value that differs, and the first byte of what is not JSON",
    async () => {
      const chance = "Array(params.repeat).fill(line), chance: [1, { at: 0.5 }]";
      workspace.edit("rules/ops/greet.ts", "Array(params.repeat).fill(line)", chance);
      expect((await workspace.aqm(["build", "out/calm"])).code).toBe(0);
      // Nothing that a TypeScript op can read differs between two runs: so these records are not of what was made.
      const text = workspace.read(TEXT).replace("0.5", "0.25");
      forge(TEXT, text, {});
      forge("out/calm/small/length.txt", "many\n", { text: digestOfBytes(text) });
      expect((await verify("out/calm/small")).code).toBe(0);
      const before = contents();
      const { code, targets } = await verify("--rerun", "out/calm/small");
      expect(code).toBe(1);
      expect(contents()).toEqual(before);
      const differences = targets.flatMap(({ rerun }) => rerun?.differences ?? []);
      expect(differences.map(({ path }) => path)).toEqual([TEXT, "out/calm/small/length.txt"]);
      expect(differences[0]?.first).toBe("chance[1].at: 0.25 → 0.5");
      expect(differences[1]?.first).toMatch(/^from byte \d+ on$/);
      const { stdout } = await workspace.aqm(["verify", "--rerun", "out/calm/small"]);
      expect(stdout).toContain(`ran again: ${TEXT} differs: chance[1].at: 0.`);
      expect(stdout).toContain("ran again: 0 of 2 the same");
    },
  );

  it.runIf(WIDE)(
    "takes an output that was forged together with its record for right, unless it runs again",
    async () => {
      const [edited, path] = [`${workspace.read(TEXT)}\n`, `aqm.lock/${TEXT}.json`];
      const record = parseLockRecord(workspace.read(path));
      if (record === null) throw new Error("no record");
      const outputs = Object.entries(record.outputs).map(([role, output]) => [
        role,
        { ...output, digest: digestOfBytes(edited), size: edited.length },
      ]);
      workspace.write(TEXT, edited);
      const forged = { ...record, outputs: Object.fromEntries(outputs) as typeof record.outputs };
      workspace.write(path, lockRecordText(forged));
      fs.rmSync(workspace.path(".aqm"), { recursive: true });
      expect((await workspace.aqm(["build", "--dry-run", "--check", TEXT])).code).toBe(0);
      expect((await verify(TEXT)).code).toBe(0);
      const { code, targets } = await verify("--rerun", TEXT);
      expect(code).toBe(1);
      expect(targets.map(({ rerun }) => rerun?.state)).toContain("different");
    },
  );

  it.runIf(WIDE)("does not run again what would not be comparable, and says why", async () => {
    fs.rmSync(workspace.path("data/small.txt"));
    workspace.edit("conf/setting/usual.yaml", "repeat: 1", "repeat: 2");
    const { code, targets } = await verify("--rerun", "out/calm");
    expect(code).toBe(1);
    const reasons = targets.map(({ rerun }) => `${rerun?.state ?? ""} ${rerun?.reason ?? ""}`);
    expect(reasons.filter((reason) => reason.includes("it is stale"))).toHaveLength(4);
    expect(reasons.join("\n")).toContain("params.repeat: 1 → 2");
    workspace.edit("conf/setting/usual.yaml", "repeat: 2", "repeat: 1");
    const { targets: again } = await verify("--rerun", "out/calm");
    expect(again.map(({ target, rerun }) => [target, rerun?.state, rerun?.reason])).toContainEqual([
      TEXT,
      "not_run",
      "its input data/small.txt is not here",
    ]);
    expect(workspace.exists("data/small.txt")).toBe(false);
  });
});

describe.runIf(WIDE)("on real Python ops", () => {
  it("a variant has calibration data of its own, and what is made again is the same", async () => {
    workspace.remove();
    workspace = TestWorkspace.copyOfRepository();
    workspace.onlyModels("qwen3_vl_tiny");
    const captions = "datasets/synthetic_calibration/coco2017_captions_small.txt";
    const made = await workspace.build([captions]);
    expect(made.stderr).toBe("");
    expect(made.code).toBe(0);
    const before = workspace.read(captions);
    const varied = await workspace.build(["--set", "dataset.sizes.small=5", captions]);
    const folder = "tmp/dataset.sizes.small=5";
    expect(varied.ran).toEqual([`${folder}/${captions}`]);
    expect(workspace.read(`${folder}/${captions}`).trim().split("\n")).toHaveLength(5);
    expect(workspace.read(captions)).toBe(before);
    const { code, targets } = await verify("--rerun", "datasets/synthetic_calibration", captions);
    const states = targets.map(({ state, rerun }) => [state, rerun?.state]);
    // Medium, large, the original's evaluation set and three held-out sets: nothing wrong in a folder, but named by itself.
    expect(states.filter(([state]) => state === "never_built")).toHaveLength(6);
    expect(states).toContainEqual(["verified", "same"]);
    expect(code).toBe(0);
    expect((await verify(captions.replace("small", "large"))).code).toBe(1);
    expect((await verify("--rerun", captions)).code).toBe(0);
  });
});
