import * as fs from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isWhole, writeCompiled } from "../../src/host/code/compiled-module.ts";
import { readCache, writeCache } from "../../src/host/disk/disk.ts";
import { Evidence } from "../../src/host/evidence/evidence.ts";
import { focusOn } from "../../src/host/snapshot/focus.ts";
import {
  deltaPath,
  graphPath,
  readFreshSnapshot,
  snapshotPath,
} from "../../src/host/snapshot/fresh-snapshot.ts";
import { History } from "../../src/host/records/history.ts";
import { lockRecordText, parseLockRecord } from "../../src/host/records/records.ts";
import { renewSnapshot } from "../../src/host/snapshot/snapshot-renewal.ts";
import { takeSnapshot } from "../../src/host/snapshot/snapshot-writer.ts";
import { StatCache } from "../../src/host/observe/stat-cache.ts";
import { digestOfBytes } from "../../src/model/digest.ts";
import { Folder, REPOSITORY } from "../engine/support/folder.ts";
import { graphOf, nodeOf } from "../engine/support/graphs.ts";
import { recordOf } from "../engine/support/records.ts";
import { textWorkspace } from "../e2e/text-workspace.ts";
import { sample, WIDE } from "../rig/wide.ts";
import { DamageWorkspace, type Outcome } from "./damage-workspace.ts";

/*
 * Every file of the state, damaged in every way: the next build is right, and what was lost of a record
 * is said. `npm test` takes one byte of a ninth of the files; AQM_SOAK=1 takes a sixth of all bytes, by a seed.
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

/** A soak damages one byte in this many, which is some 20,000 builds: a quarter of an hour. */
const ONE_IN = 6;
/** Says which bytes of each file those are; with the seeds 0 to 5 all of them. */
const SEED = Number(process.env["AQM_SEED"] ?? 0);

/** A sample of the bytes, or one that lies elsewhere in each file. */
const bytesOf = (length: number, index: number, step: number): readonly number[] => {
  if (!SOAK) return [(index * 89) % length];
  const all = Array.from({ length: Math.ceil(length / step) }, (_, at) => at * step);
  return all.filter((_, at) => at % ONE_IN === (index + SEED) % ONE_IN);
};

/** Of caches, whose readers have a test of their own for every byte, some will do. */
const stepOf = (path: string): number =>
  path.endsWith(".map") || path.startsWith(".aqm/fresh/")
    ? 997
    : /^\.aqm\/(compiled|stat-cache)/.test(path)
      ? 61
      : 1;

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
  // A shelf of the history that this build does not need is not read; see history.test.ts for its notice.
  return path.startsWith(".aqm/journal/") && text !== workspace.content(path).toString();
}

/* What is read back is what was written, or nothing: never anything else. */
describe("no reader believes a file with damage in any byte:", () => {
  const folder = new Folder();
  const path = folder.at("state");
  const node = nodeOf(graphOf({ makes: "out/a.md", from: ["s"] }), "out/a.md");
  const record = recordOf(node);

  const READERS: readonly (readonly [string, () => void, () => unknown])[] = [
    ["a cache", () => writeCache(path, { loud: true }), () => readCache(path)],
    [
      "compiled code",
      () => void writeCompiled(folder.path, "state", "export default 1;"),
      () => isWhole(folder.path, code) || null,
    ],
    [
      "a lock record",
      () => fs.writeFileSync(path, lockRecordText(record)),
      () => parseLockRecord(fs.readFileSync(path, "utf8")),
    ],
    [
      "the history",
      () => {
        fs.rmSync(folder.at("history"), { recursive: true, force: true });
        new History(folder.at("history")).add(record);
        shelf = folder.at(`history/${fs.readdirSync(folder.at("history")).join()}`);
        fs.copyFileSync(shelf, path);
      },
      () => {
        fs.copyFileSync(path, shelf);
        return new History(folder.at("history")).ofKey(node.id, record.key)[0] ?? null;
      },
    ],
    [
      "the stat cache",
      () => {
        fs.rmSync(path, { force: true });
        const cache = new StatCache(path);
        cache.remember("a", stat, record.key, stat.ctimeMs + 10_000);
        cache.save();
      },
      () => new StatCache(path).lookup("a", stat),
    ],
    [
      "a snapshot of freshness",
      () => {
        snapshot();
        fs.copyFileSync(snapshotPath(folder.path, "all"), path);
      },
      () => {
        fs.copyFileSync(path, snapshotPath(folder.path, "all"));
        return readFreshSnapshot(folder.path, "all");
      },
    ],
    [
      "what has changed since a snapshot",
      () => {
        const evidence = snapshot();
        const before = readFreshSnapshot(folder.path, "all");
        if (before === null) throw new Error("there is no snapshot");
        evidence.notePlace(folder.at("out/a.md"), stat);
        const asked = { root: folder.path, state: folder.path, request: "all" };
        renewSnapshot(asked, before, [], new Set([0]), evidence);
        fs.copyFileSync(deltaPath(folder.path, "all"), path);
      },
      () => {
        fs.copyFileSync(path, deltaPath(folder.path, "all"));
        const taken = readFreshSnapshot(folder.path, "all");
        return taken?.renewed.length === 0 ? null : taken;
      },
    ],
    [
      "the graph beside a snapshot",
      () => {
        snapshot();
        fs.copyFileSync(graphPath(folder.path, "all"), path);
      },
      () => {
        const taken = readFreshSnapshot(folder.path, "all");
        const row = taken?.paths.indexOf("out/a.md") ?? -1;
        return taken === null
          ? null
          : (focusOn(taken, [row], path)?.aqmfile.graph.defaults ?? null);
      },
    ],
  ];
  const stat = fs.statSync(REPOSITORY);
  let shelf = "";
  const snapshot = (): Evidence => {
    const evidence = new Evidence();
    evidence.look(REPOSITORY);
    evidence.notePlace(folder.at("out/a.md"), undefined);
    const recordPath = (target: string): string => folder.at(`${target}.json`);
    const asked = { root: folder.path, state: folder.path, request: "all", recordPath };
    takeSnapshot(
      { ...asked, nodes: [node], exact: new Set(), environments: [], slurm: {} },
      evidence,
    );
    return evidence;
  };
  const code = { name: "state", digest: digestOfBytes("export default 1;") };

  it.each(READERS)("%s", (_what, write, read) => {
    fs.mkdirSync(folder.path, { recursive: true });
    write();
    const content = fs.readFileSync(path);
    const whole = JSON.stringify(read());
    expect(whole).not.toBe("null");
    const step = SOAK ? 1 : WIDE ? 5 : 50;
    for (let at = 0; at < content.length; at += step) {
      for (const damage of [truncated(at), flipped(at)]) {
        damage.apply(path, content);
        const found = JSON.stringify(read());
        if (found !== "null") expect([damage.what, found]).toEqual([damage.what, whole]);
      }
    }
  });
});

/* By real processes: this one would import a module once and not see what becomes of it. */
describe("what was compiled is never run when it is other than what was compiled:", () => {
  it.each(
    sample(
      [
        ["an op", /op-.*\.cjs$/, "toUpperCase", "toLowerCase"],
        ["the Aqmfile", /aqmfile-.*\.mjs$/, "out/joined.txt", "out/jointed.txt"],
        ["a config", /conf\.json$/, '"loud":true', '"loud":null'],
      ],
      1,
    ),
  )("%s", async (_what, files, from, to) => {
    const workspace = textWorkspace();
    expect((await workspace.start(["build"]).finished).code).toBe(0);
    const joined = workspace.read("out/joined.txt");
    let changed = 0;
    for (const name of fs.readdirSync(workspace.path(".aqm/compiled"))) {
      const path = `.aqm/compiled/${name}`;
      if (!files.test(name) || !workspace.read(path).includes(from)) continue;
      workspace.write(path, workspace.read(path).replaceAll(from, to));
      changed += 1;
    }
    expect(changed).toBeGreaterThan(0);
    fs.rmSync(workspace.path(".aqm/fresh"), { recursive: true, force: true });
    fs.rmSync(workspace.path(".aqm/history"), { recursive: true });
    fs.rmSync(workspace.path("aqm.lock"), { recursive: true });
    const { code, stdout } = await workspace.start(["build"]).finished;
    expect([code, stdout]).toEqual([0, expect.stringContaining("4 ran") as string]);
    expect(workspace.read("out/joined.txt")).toBe(joined);
    expect(workspace.read("aqm.lock/big/one.txt.json")).toContain('"loud": true');
    workspace.remove();
  });
});

describe.each(
  sample<[string, () => Promise<DamageWorkspace>, RegExp]>([
    ["after an edit", () => DamageWorkspace.edited(), /^\.aqm\/(?!store\/[0-9a-b])|^aqm.lock/],
    [
      "after kill -9 in the middle of publishing",
      () => DamageWorkspace.killed(),
      /^\.aqm\/(journal|stage|build\.lock|history)/,
    ],
  ]),
)("a workspace %s", (_what, make, sampled) => {
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
    damagesOf: (length: number, index: number, step: number) => readonly Damage[],
  ): void => {
    it(title, async () => {
      const problems: string[] = [];
      const paths = workspace.stateFiles
        .filter((path) => SOAK || sampled.test(path))
        .filter((_path, index) => WIDE || index % 9 === 0);
      for (const [index, path] of paths.entries()) {
        const damages = damagesOf(workspace.content(path).length, index, stepOf(path));
        problems.push(...(await survive(workspace, path, damages, clean)));
      }
      expect(problems).toEqual([]);
    });
  };

  each("survives every file of its state cut off at any byte", (length, index, step) =>
    bytesOf(length, index, step).map(truncated),
  );
  each("survives a flipped bit in any byte of its state", (length, index, step) =>
    bytesOf(length, index + 1, step).map(flipped),
  );
  each("survives anything in the place of any file of its state", (_length, index) =>
    SOAK ? WHOLESALE : WHOLESALE.filter((_, kind) => kind === index % WHOLESALE.length),
  );
});
