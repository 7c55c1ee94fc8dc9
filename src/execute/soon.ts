import { producersOf, type ActionNode } from "../graph/graph.ts";
import type { EmitEvent } from "../model/event.ts";
import type { Plan } from "../plan/plan.ts";
import type { Ports } from "../ports.ts";
import type { Job } from "../schedule/events.ts";
import { laneOf } from "../schedule/lanes.ts";
import type { BuildRequest } from "./build-request.ts";

/**
 * Which actions on a GPU start as soon as what runs at this moment is done: to start a process and to import what they
 * need takes many seconds, in which that goes on. Only those count that are sure to run.
 */
export class Soon {
  readonly #plan: Pick<Plan, "byNode">;
  readonly #isSettled: (node: ActionNode) => boolean;
  readonly #running = new Set<ActionNode>();
  /** That have not been told. */
  readonly #waiting: Set<ActionNode>;

  /** @param hold what must not start in this build, though it is stale */
  constructor(
    plan: Pick<Plan, "actions" | "byNode">,
    isSettled: (node: ActionNode) => boolean,
    hold: (node: ActionNode) => boolean = () => false,
  ) {
    this.#plan = plan;
    this.#isSettled = isSettled;
    const due = plan.actions.filter(
      ({ node, verdict }) => verdict === "run" && isOnGpu(node) && !hold(node),
    );
    this.#waiting = new Set(due.map(({ node }) => node));
  }

  /** @returns those of which it is known since this job has started, each once */
  started({ members }: Job): readonly ActionNode[] {
    for (const { node } of members) {
      this.#running.add(node);
      this.#waiting.delete(node);
    }
    const soon = [...this.#waiting].filter((node) => this.#comesSoon(node));
    for (const node of soon) this.#waiting.delete(node);
    // What waits for nothing but a lease is started with the next one.
    return soon.filter((node) => this.#openOf(node).length > 0);
  }

  ended(node: ActionNode): void {
    this.#running.delete(node);
  }

  /** Whether all that it waits for runs, or is over in milliseconds once that has run. */
  #comesSoon(node: ActionNode): boolean {
    const seen = new Set<ActionNode>();
    const pending = [node];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      for (const producer of this.#openOf(next)) {
        if (seen.has(producer) || this.#running.has(producer)) continue;
        if (laneOf(producer.declaration.resources) !== "light") return false;
        seen.add(producer);
        pending.push(producer);
      }
    }
    return true;
  }

  #openOf(node: ActionNode): readonly ActionNode[] {
    return [...producersOf(node)].filter(
      (producer) => this.#plan.byNode.has(producer) && !this.#isSettled(producer),
    );
  }
}

/** From that size on it takes longer to read a file than to start what wants it. */
const LARGE_BYTES = 1e9;

/**
 * The same before there is a plan: an action on a GPU that was never made, of which a large input is read for the first
 * time, will run, as good as surely. Returns who hands on what is said while files are read.
 */
export function whileRead(
  { selection, hold = () => false }: Pick<BuildRequest, "selection" | "hold">,
  {
    workspace,
    executor,
  }: Pick<Ports, "executor"> & { workspace: Pick<Ports["workspace"], "record"> },
  emit: EmitEvent,
  signal: AbortSignal,
): EmitEvent {
  let told = false;
  return (event) => {
    emit(event);
    if (told || event.type !== "hashing" || event.total < LARGE_BYTES) return;
    const reads = ({ inputs }: ActionNode): boolean =>
      inputs.some(({ path }) => event.file === path || event.file.startsWith(`${path}/`));
    const soon = selection.needed.filter(
      (node) => isOnGpu(node) && reads(node) && !hold(node) && workspace.record(node) === null,
    );
    told = soon.length > 0;
    if (told) executor.foresee?.(soon, { emit, signal });
  };
}

const isOnGpu = ({ declaration }: ActionNode): boolean => laneOf(declaration.resources) === "gpu";
