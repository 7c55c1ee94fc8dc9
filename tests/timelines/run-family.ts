import * as fs from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Family } from "./families.ts";
import { Player } from "./play.ts";
import { Project } from "./project.ts";
import { judges, type Tally } from "./properties.ts";
import { timelines, type Timeline } from "./timeline.ts";

/** What `npm run test:soak` sets, all absent in `npm test`; AQM_TIMELINES is a share of a whole soak. */
const { AQM_TIMELINES, AQM_SEED, AQM_SHRINK_PATH, AQM_SECONDS, AQM_TIMELINES_REPORT } = process.env;

/** Timelines that went wrong once; each is played for ever after. */
interface Regression {
  readonly family: string;
  readonly says: string;
  readonly timeline: Timeline;
}

const regressions = JSON.parse(
  fs.readFileSync(new URL("regressions.json", import.meta.url), "utf8"),
) as readonly Regression[];

const regressionsOf = ({ name }: Family): readonly Regression[] =>
  regressions.filter(({ family }) => family === name);

/** Plays one timeline to its end, or to the first problem. */
async function playOnce(
  family: Family,
  timeline: Timeline,
  tally: Tally = new Map(),
): Promise<{ readonly problems: readonly string[]; readonly builds: number }> {
  const project = new Project(timeline.shapes);
  const world = family.world(project, timeline);
  try {
    const player = new Player(world, project, judges(tally), timeline);
    const problems = await player.play(timeline);
    return { problems, builds: player.builds };
  } finally {
    world.close();
  }
}

/** The tests of some families, in the file that is named; `runs` of its random timelines are played. */
export function familyTests(families: readonly Family[], file: string, runs: Runs): void {
  for (const family of families) {
    // Not by each(…), which cuts long names short: they are to be named with -t.
    describe(`timelines: ${family.name}`, () => {
      it("hold", () => playMany(family, file, runs));

      it.each(regressionsOf(family))("still hold after: $says", async ({ timeline }) => {
        expect((await playOnce(family, timeline)).problems).toEqual([]);
      });
    });
  }
}

/** How many of a number of random cases are tried. */
type Runs = (wide: number) => number;

/** Plays many random timelines; a failure is shrunk and says how to see it again. */
async function playMany(family: Family, file: string, runs: Runs): Promise<void> {
  const tally: Tally = new Map();
  const played = { timelines: 0, steps: 0, builds: 0 };
  const started = performance.now();
  const seed =
    AQM_SEED === undefined ? Date.now() ^ (Math.random() * 0x100000000) : Number(AQM_SEED);
  const property = fc.asyncProperty(timelines(family.flavour), async (timeline) => {
    const { problems, builds } = await playOnce(family, timeline, tally);
    played.timelines += 1;
    played.steps += timeline.steps.length;
    played.builds += builds;
    if (problems.length > 0) throw new Error(problems.join("\n"));
  });
  const plugins =
    AQM_SECONDS === undefined
      ? []
      : [fc.interruptAfterTimeLimit(Number(AQM_SECONDS) * 1000) as fc.Plugin<[Timeline]>];
  const result = await fc.check(property, {
    plugins,
    seed,
    numRuns:
      AQM_TIMELINES === undefined
        ? runs(family.runs)
        : Math.ceil(family.soak * Number(AQM_TIMELINES)),
    ...(AQM_SHRINK_PATH === undefined ? {} : { path: AQM_SHRINK_PATH, endOnFailure: true }),
  });
  const failure = result.failed
    ? explain(family, file, result.seed, result.counterexamplePath, result)
    : null;
  if (AQM_TIMELINES_REPORT !== undefined) {
    const seconds = (performance.now() - started) / 1000;
    const row = { family: family.name, seed, seconds, ...played, tally: [...tally], failure };
    fs.appendFileSync(AQM_TIMELINES_REPORT, `${JSON.stringify(row)}\n`);
  }
  if (failure !== null) throw new Error(failure);
}

function explain(
  family: Family,
  file: string,
  seed: number,
  path: string | null,
  result: { readonly counterexample: [Timeline] | null; readonly errorInstance?: unknown },
): string {
  const error = result.errorInstance;
  const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const timeline = result.counterexample?.[0] ?? null;
  const says = error instanceof Error ? error.message.split("\n")[0] : "";
  return [
    why,
    "",
    "See it again:",
    `  AQM_SEED=${seed} AQM_SHRINK_PATH=${path ?? ""} npx vitest run ${file} -t ${JSON.stringify(family.name)}`,
    "Keep it: add this to tests/timelines/regressions.json",
    JSON.stringify({ family: family.name, says, timeline }),
  ].join("\n");
}
