import type { ActionNode } from "../../src/graph/graph.ts";
import type { Judgement } from "../../src/plan/judgement.ts";
import type { Command, Job, ScheduleEvent } from "../../src/schedule/events.ts";
import { Schedule } from "../../src/schedule/schedule.ts";
import { graphOf, selectAll, type Sketch } from "../engine/support/graphs.ts";
import { secondsOf, type Scoring, type Spent } from "./parts.ts";

/*
 * A build on so many devices, by the scheduler that builds are made with, and a clock that is only moved on: how long
 * it would take if each part took what it was measured to take.
 */

export interface SimulatedJob {
  readonly devices: readonly string[];
  readonly group: string;
  readonly formats: readonly string[];
  readonly begin: number;
  readonly end: number;
  readonly spent: Spent;
}

export interface Simulated {
  readonly seconds: number;
  readonly jobs: readonly SimulatedJob[];
}

export interface World {
  /** Until the first job starts. */
  readonly start: number;
  /** What a job takes on so many devices; `cold` if no runner was left on the first. */
  readonly spent: (
    group: Scoring,
    formats: readonly string[],
    cold: boolean,
    devices: number,
  ) => Spent;
  /** What the build predicts of a format alone; null where it knows nothing. */
  readonly predicted: (group: Scoring, format: string) => number | null;
  /** The part of a lone run's time that a job is declared to pay once. */
  readonly shared: number;
  /** Whether a job shares the steps of its group out over devices. */
  readonly sharesSteps: boolean;
}

/** Without a checkpoint, runs in no time and needs nothing: only what the schedule decides on is there. */
const RUN: Judgement = {
  ...{ verdict: "run", causes: [], key: null, description: null, result: null },
  ...{ absent: new Set(), missingFrom: [] },
};

export function simulate(groups: readonly Scoring[], gpus: number, world: World): Simulated {
  const cells = groups.flatMap((group) => group.formats.map((format) => ({ group, format })));
  const graph = graphOf(
    ...cells.map(({ group, format }, index): Sketch => ({
      makes: `${group.name}/${index}`,
      params: { group: group.name, format: index },
      batch: { apart: ["format"], shared: world.shared, alike: format },
      ...{ gpu: 1, cpu: 0 },
      ...(world.sharesSteps ? { upToGpus: group.steps } : {}),
    })),
  );
  const cellOf = new Map(
    graph.actions.map((node) => [node, cells[node.declaration.params["format"] as number]]),
  );
  const cell = (node: ActionNode): (typeof cells)[number] => {
    const found = cellOf.get(node);
    if (found === undefined) throw new Error(`${node.id} is no part of the simulation`);
    return found;
  };
  const schedule = new Schedule(selectAll(graph).needed, {
    jobs: 1,
    gpus: Array.from({ length: gpus }, (_, device) => String(device)),
    keepGoing: false,
    seconds: (node) => world.predicted(cell(node).group, cell(node).format),
  });
  const running: { readonly job: Job; readonly end: number }[] = [];
  const jobs: SimulatedJob[] = [];
  const warm = new Set<string>();
  let now = world.start;
  const inbox: ScheduleEvent[] = [{ type: "begin" }];
  const start = (job: Job): void => {
    const devices = job.lease.gpus;
    const [first = ""] = devices;
    const formats = job.members.map(({ node }) => cell(node).format);
    const [member] = job.members;
    if (member === undefined) return;
    const { group } = cell(member.node);
    const spent = world.spent(group, formats, !warm.has(first), devices.length);
    warm.add(first);
    const end = now + secondsOf(spent);
    running.push({ job, end });
    jobs.push({ devices, group: group.name, formats, begin: now, end, spent });
  };
  const perform = (command: Command): void => {
    if (command.type === "judge")
      inbox.push({ type: "judged", node: command.node, judgement: RUN });
    else if (command.type === "run") start(command.job);
    else throw new Error(`nothing in this world leads to ${command.type}`);
  };
  for (;;) {
    for (let event = inbox.shift(); event !== undefined; event = inbox.shift())
      for (const command of schedule.handle(event)) perform(command);
    const [next] = running.sort((a, b) => a.end - b.end);
    if (next === undefined) return { seconds: now, jobs };
    running.shift();
    now = next.end;
    for (const { node } of next.job.members) inbox.push({ type: "succeeded", node, changed: true });
    inbox.push({ type: "job_ended", job: next.job });
  }
}
