import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Digest } from "../../src/model/digest.ts";
import { WIDE } from "../rig/wide.ts";
import { CrashWorkspace, type DiskCall, type Fault, type UnderFault } from "./crash-workspace.ts";

/*
 * One build that does everything, stopped at each of its calls to the disk. `npm test` takes every n-th
 * call; AQM_SOAK=1 takes all of them.
 */
const SOAK = process.env["AQM_SOAK"] === "1";

interface Cell {
  readonly fault: Fault;
  readonly call: DiskCall;
  readonly outcome: string;
  readonly problems: readonly string[];
}

let base: CrashWorkspace;
let calls: readonly DiskCall[];
/** Outputs before the build, after it with the gate shut, and as a clean build makes them. */
let old: Readonly<Record<string, Digest>>;
let gated: Readonly<Record<string, Digest>>;
let clean: CrashWorkspace;

beforeAll(async () => {
  base = await CrashWorkspace.edited();
  old = base.outputs();
  const counted = base.copy();
  ({ calls } = await counted.faulty({ mode: "count" }));
  gated = counted.outputs();
  counted.remove();
  clean = base.copy();
  clean.forget();
  expect((await clean.build()).code).toBe(0);
});

afterAll(() => {
  base.remove();
  clean.remove();
  process.stdout.write(`\nOne build, ${calls.length} calls to the disk:\n\n${tableText()}\n`);
});

/** Which calls a run of the tests takes: all, or a fixed stride that starts elsewhere for each mode. */
function chosen(fits: (call: DiskCall) => boolean, start: number, stride: number): number[] {
  const all = calls.flatMap((call, index) => (fits(call) ? [index + 1] : []));
  const step = (WIDE ? 2 : 9) * stride;
  return SOAK ? all : all.filter((_, index) => index % step === start % step);
}

async function matrix(
  faults: readonly Fault[],
  judge: (workspace: CrashWorkspace, built: UnderFault, problems: string[]) => string,
): Promise<readonly Cell[]> {
  const cells: Cell[] = [];
  for (const fault of faults) {
    const workspace = base.copy();
    const problems: string[] = [];
    const built = await workspace.faulty(fault);
    const call = built.calls[(fault.at ?? 0) - 1] ?? (["nothing", "", false, false] as const);
    let outcome = judge(workspace, built, problems);
    const next = await followUp(workspace, problems, fault.mode === "wipe");
    if (next.finished) outcome = "finished later";
    cells.push({ fault, call, outcome, problems });
    workspace.remove();
  }
  return cells;
}

/** What must be true right after a crash or an error, before anything could mend it. */
function judgeAtOnce(workspace: CrashWorkspace, problems: string[]): string {
  const now = workspace.outputs();
  const intents = workspace.intents();
  const goal = clean.outputs();
  for (const path of Object.keys(goal)) {
    const found = now[path];
    if (found === undefined) {
      // A folder is replaced in two steps, and what comes next is on the disk already.
      const decided = path === "out/pages" && intents.includes("out/pages");
      if (old[path] !== undefined && !decided) problems.push(`${path} is lost`);
    } else if (found !== old[path] && found !== goal[path]) problems.push(`${path} is torn`);
  }
  const records = workspace.records();
  for (const [target, record] of Object.entries(records)) {
    for (const { path, digest } of Object.values(record.outputs)) {
      if (now[path] === digest || intents.includes(target)) continue;
      if (now[path] === undefined && path.startsWith("big/")) continue; // was deleted by the user
      // A single file is replaced by one rename: whole, and its old record makes the action run again.
      if (Object.keys(record.outputs).length === 1 && now[path] === goal[path]) continue;
      problems.push(`${target} has a record, but ${path} is not what it says`);
    }
  }
  const changed = Object.keys(goal).filter((path) => now[path] !== old[path]).length;
  const whole = Object.keys(gated).every((path) => now[path] === gated[path]);
  return whole ? "all new" : changed === 0 ? "all old" : "mixed";
}

/** The next plain build is right, leaves nothing behind, and leaves nothing to do. */
async function followUp(
  workspace: CrashWorkspace,
  problems: string[],
  withoutStore: boolean,
): Promise<{ finished: boolean }> {
  const done = new Set(
    Object.entries(workspace.records())
      .filter(([target, { key }]) => clean.records()[target]?.key === key)
      .map(([target]) => target),
  );
  const next = await workspace.build();
  if (next.code !== 0)
    problems.push(`the next build ends with ${next.code}: ${next.stderr}${next.stdout}`);
  const again = next.ran.filter((target) => done.has(target));
  if (again.length > 0 && !withoutStore)
    problems.push(`ran again although recorded: ${again.join(", ")}`);
  compare(workspace.outputs(), clean.outputs(), "output", problems);
  compare(workspace.records(), clean.records(), "record", problems);
  const litter = workspace.litter();
  if (litter.length > 0) problems.push(`left behind: ${litter.join(", ")}`);
  const last = await workspace.build();
  if (last.code !== 0 || last.ran.length > 0)
    problems.push(`a further build runs ${last.ran.join(", ")}`);
  const finished = next.events.some(
    (event) => event.type === "notice" && event.message.startsWith("finished publishing"),
  );
  return { finished };
}

function compare(
  found: Readonly<Record<string, unknown>>,
  wanted: Readonly<Record<string, unknown>>,
  what: string,
  problems: string[],
): void {
  for (const name of new Set([...Object.keys(found), ...Object.keys(wanted)])) {
    if (JSON.stringify(found[name]) === JSON.stringify(wanted[name])) continue;
    problems.push(`the ${what} of ${name} is not that of a clean build`);
  }
}

/** Kinds of places, for the table. */
function placeOf(path: string): string {
  const kinds: readonly (readonly [RegExp, string])[] = [
    [/^\.aqm\/stage/, "stage"],
    [/^\.aqm\/journal/, "journal"],
    [/^\.aqm\/store/, "store"],
    [/^\.aqm\/compiled/, "compiled"],
    [/^\.aqm\/build\.lock/, "build lock"],
    [/^\.aqm\/history/, "history"],
    [/^\.aqm\/stat-cache/, "stat cache"],
    [/^\.aqm/, "rest of .aqm"],
    [/^aqm\.lock/, "lock record"],
  ];
  return kinds.find(([pattern]) => pattern.test(path))?.[1] ?? "output";
}

/** Column of the table → cells. */
const table = new Map<string, readonly Cell[]>();

function expectSound(title: string, cells: readonly Cell[]): void {
  table.set(title, cells);
  const unsound = cells
    .filter(({ problems }) => problems.length > 0)
    .map(
      ({ fault, call, problems }) =>
        `${fault.mode} ${fault.code ?? ""} ${fault.at ?? 0} ${call[0]} ${call[1]}: ${problems.join("; ")}`,
    );
  expect(unsound).toEqual([]);
}

/** Markdown, as it stands in docs/robustness.md. */
function tableText(): string {
  const rowOf = ({ call }: Cell): string => `${placeOf(call[1])}: ${call[0]}`;
  const all = [...table.values()].flat();
  const names = [...new Set(all.map(rowOf))].sort();
  const cellText = (cells: readonly Cell[]): string => {
    const unsound = cells.filter(({ problems }) => problems.length > 0).length;
    const outcomes = [...new Set(cells.map(({ outcome }) => outcome))].sort();
    const counts = outcomes.map((outcome) => {
      const number = cells.filter((cell) => cell.outcome === outcome).length;
      return `${number} ${outcome}`;
    });
    return [...counts, ...(unsound > 0 ? [`${unsound} WRONG`] : [])].join(", ");
  };
  const line = (name: string, fits: (cell: Cell) => boolean): string =>
    `| ${[name, ...[...table.values()].map((cells) => cellText(cells.filter(fits)))].join(" | ")} |`;
  return [
    `| ${["call", ...[...table].map(([name, cells]) => `${name} (${cells.length})`)].join(" | ")} |`,
    `| ${["---", ...[...table.keys()].map(() => "---")].join(" | ")} |`,
    ...names.map((name) => line(name, (cell) => rowOf(cell) === name)),
    line(`all ${all.length}`, () => true),
  ].join("\n");
}

describe("a build with new, replaced, restored and refused outputs", () => {
  it.each([
    ["before", 0],
    ["half", 3],
    ["after", 6],
  ] as const)("survives kill -9 %s its calls to the disk", async (mode, start) => {
    const places = chosen(
      ([, , half]) => mode !== "half" || half,
      start,
      mode === "half" ? 11 : 23,
    );
    const cells = await matrix(
      places.map((at) => ({ mode, at })),
      (workspace, built, problems) => {
        if (built.signal !== "SIGKILL") problems.push("was not killed");
        return judgeAtOnce(workspace, problems);
      },
    );
    expectSound(`kill -9 ${mode}`, cells);
  });

  it.each([
    ["EIO", 4],
    ["ENOSPC", 8],
  ] as const)("names the failure and loses nothing when the disk says %s", async (code, start) => {
    const full = code === "ENOSPC";
    const places = chosen(([, , , grows]) => !full || grows, start, full ? 11 : 23);
    const cells = await matrix(
      places.map((at) => ({ mode: "error", at, code, sticky: full })),
      (workspace, built, problems) => {
        if (built.signal !== null) problems.push(`ended by ${built.signal}`);
        if (/^\s+at .*:\d+:\d+/m.test(built.stdout + built.stderr))
          problems.push(`a stack trace: ${built.stderr}`);
        const outcome = judgeAtOnce(workspace, problems);
        const named = NAMED.test(built.stdout + built.stderr);
        if (!named && outcome !== "all new") problems.push("did not say what failed");
        return `${named ? "" : "unharmed, "}${outcome}`;
      },
    );
    expectSound(code, cells);
  });

  it("goes on, or says what is missing, when somebody removes .aqm while it runs", async () => {
    const cells = await matrix(
      chosen(() => true, 2, 29).map((at) => ({ mode: "wipe", at })),
      (workspace, built, problems) => {
        if (built.signal !== null) problems.push(`ended by ${built.signal}`);
        if (/^\s+at .*:\d+:\d+/m.test(built.stdout + built.stderr))
          problems.push(`a stack trace: ${built.stderr}`);
        const failed = [...built.stdout.matchAll(/"reason":"(\w+)"/g)].map(([, reason]) => reason);
        const others = failed.filter((reason) => reason !== "gate_failed");
        // What was in the stage or on its way from there is gone, and is made again.
        const outcome = judgeAtOnce(workspace, []);
        return `${others.length > 0 || built.stderr !== "" ? "" : "unharmed, "}${outcome}`;
      },
    );
    expectSound(".aqm removed", cells);
  });
});

const NAMED =
  /"reason":"(disk_full|not_writable)"|There is no room left|Writing .* failed|(ENOSPC|EIO): /;
