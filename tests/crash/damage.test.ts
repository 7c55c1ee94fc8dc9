import * as fs from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseLockRecord } from "../../src/host/records.ts";
import { DamageWorkspace, type Outcome } from "./damage-workspace.ts";

/*
 * Every file of the state, damaged in every way: the next build is right, and what was lost of a record
 * is said. `npm test` takes every n-th byte; AQM_SOAK=1 takes all of them.
 */
const SOAK = process.env["AQM_SOAK"] === "1";
interface Damage {
  readonly what: string;
  readonly apply: (path: string, content: Buffer) => void;
}

const rewrite = (what: string, change: (content: Buffer) => string | Uint8Array): Damage => ({
  what,
  apply: (path, content) => fs.writeFileSync(path, change(content)),
});
const instead = (what: string, put: (path: string) => void): Damage => ({
  what,
  apply: (path) => {
    fs.rmSync(path);
    put(path);
  },
});

const truncated = (length: number): Damage =>
  rewrite(`cut off after ${length} bytes`, (content) => content.subarray(0, length));

/** Another bit in each byte, so that neighbours differ. */
const flipped = (at: number): Damage =>
  rewrite(`with a flipped bit in byte ${at}`, (content) => {
    const copy = Buffer.from(content);
    copy[at] = (copy[at] ?? 0) ^ (1 << ((at * 5) % 8));
    return copy;
  });

const WHOLESALE: readonly Damage[] = [
  rewrite("empty", () => ""),
  rewrite("garbage", () => Buffer.from(Array.from({ length: 300 }, (_, at) => (at * 97) % 256))),
  rewrite("of the right size, but zeros", (content) => Buffer.alloc(content.length)),
  instead("gone", () => undefined),
  instead("a folder", (path) => fs.mkdirSync(path)),
  instead("a link that leads nowhere", (path) => fs.symlinkSync("/nowhere/at/all", path)),
  // Nobody can read this one, not even root.
  instead("a link to itself", (path) => fs.symlinkSync(path, path)),
];

/** All bytes, or one that lies elsewhere in each file. */
const bytesOf = (length: number, index: number): readonly number[] =>
  SOAK ? Array.from({ length }, (_, at) => at) : [(index * 89) % length];

let count = 0;

async function survive(
  workspace: DamageWorkspace,
  path: string,
  damages: readonly Damage[],
  clean: object,
): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const damage of damages) {
    workspace.reset();
    damage.apply(workspace.crash.files.path(path), workspace.content(path));
    const lost = lostRecord(workspace, path);
    const outcome = await workspace.build().catch((error: unknown): Outcome => {
      return { code: -1, notices: [], failures: [String(error)] };
    });
    const say = (text: string): void => void problems.push(`${path}, ${damage.what}: ${text}`);
    if (outcome.code !== 0) say(`exit code ${outcome.code}: ${outcome.failures.join("; ")}`);
    if (JSON.stringify(workspace.result()) !== JSON.stringify(clean)) say("not as a clean build");
    const name = path.replace(/^aqm\.lock\/(.*)\.json$/, "$1");
    if (lost && !outcome.notices.some((text) => text.includes(name))) say("lost without a word");
    count += 1;
  }
  return problems;
}

/** Whether what is at `path` now tells less than before, in a way that can be known. */
function lostRecord(workspace: DamageWorkspace, path: string): boolean {
  const place = workspace.crash.files.path(path);
  if (fs.lstatSync(place, { throwIfNoEntry: false }) === undefined) return false;
  const text = fs.lstatSync(place).isFile() ? fs.readFileSync(place, "utf8") : "";
  if (path.startsWith("aqm.lock/")) {
    const record = parseLockRecord(text);
    // Nothing that is believed may differ from what was written.
    if (record !== null) expect(text.trim()).toBe(workspace.content(path).toString().trim());
    return record === null;
  }
  const before = workspace.content(path).toString().split("\n");
  if (path === ".aqm/history.jsonl") {
    return text === "" || text.split("\n").some((line) => !before.includes(line));
  }
  return path.startsWith(".aqm/journal/") && text !== workspace.content(path).toString();
}

describe.each([
  ["after an edit", () => DamageWorkspace.edited(), /^\.aqm\/(?!store\/[0-9a-b])|^aqm.lock/],
  [
    "after kill -9 in the middle of publishing",
    () => DamageWorkspace.killed(),
    /^\.aqm\/(journal|stage|build\.lock|history)/,
  ],
])("a workspace %s", (_what, make, sampled) => {
  let workspace: DamageWorkspace;
  let clean: object;

  beforeAll(async () => {
    workspace = await make();
    expect(await workspace.build()).toMatchObject({ code: 0, failures: [] });
    clean = workspace.result();
    workspace.reset();
    workspace.crash.forget();
    expect(await workspace.build()).toMatchObject({ code: 0, failures: [] });
    expect(workspace.result()).toEqual(clean);
    workspace.reset();
  });
  afterAll(() => {
    process.stdout.write(`${count} damaged files so far\n`);
    workspace.crash.remove();
  });

  const each = (
    title: string,
    damagesOf: (content: Buffer, index: number) => readonly Damage[],
  ): void => {
    it(
      title,
      async () => {
        const problems: string[] = [];
        const paths = workspace.stateFiles.filter((path) => SOAK || sampled.test(path));
        for (const [index, path] of paths.entries()) {
          const damages = damagesOf(workspace.content(path), index);
          problems.push(...(await survive(workspace, path, damages, clean)));
        }
        expect(problems).toEqual([]);
      },
      SOAK ? 7_200_000 : undefined,
    );
  };

  each("survives every file of its state cut off at any byte", ({ length }, index) =>
    bytesOf(length, index).map(truncated),
  );
  each("survives a flipped bit in any byte of its state", ({ length }, index) =>
    bytesOf(length, index + 1).map(flipped),
  );
  each("survives anything in the place of any file of its state", (_content, index) =>
    SOAK ? WHOLESALE : WHOLESALE.filter((_, kind) => kind === index % WHOLESALE.length),
  );
});
