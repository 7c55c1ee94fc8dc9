import type { BuildEvent, EmitEvent } from "../model/event.ts";
import type { Failure } from "../model/failure.ts";
import type { Result } from "../model/result.ts";
import type { ActionNode } from "../graph/graph.ts";
import type { FileWatch, Ports, Watched } from "../ports.ts";
import { runBuild, type BuildRequest } from "./build.ts";

export interface WatchedBuild {
  /** Opens the ports for one build, and closes what they opened when it is over. */
  readonly withPorts: <Outcome>(use: (ports: Ports) => Promise<Outcome>) => Promise<Outcome>;
  readonly request: Omit<BuildRequest, "signal" | "hold" | "held">;
  /** Absolute paths of the modules, configs and op sources behind the declarations. */
  readonly files: readonly string[];
  /** Absolute paths of places on the way to all that was looked at so far: see `Watched`. */
  readonly ways: () => readonly string[];
  readonly root: string;
}

export interface WatchRequest {
  /** Loads the Aqmfile and all it depends on; called again after each change. */
  readonly open: () => Promise<Result<WatchedBuild, readonly Failure[]>>;
  /** Gets ready for the next change; called while nothing else is to be done. */
  readonly idle: () => Promise<void>;
  readonly watchFiles: (changed: () => void) => Promise<FileWatch>;
  /** All that could be done with what was opened last is done. */
  readonly built: () => void;
  readonly gpu: boolean;
  /** Absolute paths that are always watched. */
  readonly always: readonly string[];
  readonly signal: AbortSignal;
}

/**
 * Builds, waits for a change, builds again. An event only means "look again": what is stale is decided
 * by content as always, so a touched file or our own output costs a look and nothing more. GPU work
 * that became due is held and reported with its cost.
 *
 * @returns what is wrong with the command itself, so that there is nothing to wait for; else nothing
 */
export async function watchBuild(
  request: WatchRequest,
  emit: EmitEvent,
): Promise<readonly Failure[]> {
  const changes = new ChangeQueue(request.signal);
  const watch = await request.watchFiles(() => changes.notify());
  try {
    // Also when nothing could be loaded yet: the mistake will be corrected in one of these.
    let watched: Watched = { paths: request.always, outputs: [], ways: [] };
    let isFirst = true;
    const isStopped = (): boolean => request.signal.aborted;
    /** What was said since something changed. */
    let said = "";
    let debt = "";
    /** The last look ended with a mistake in what declares the graph. */
    let isBroken = false;
    while (!isStopped()) {
      emit({ type: "looking" });
      const opened = await request.open();
      if (isStopped()) break;
      if (!opened.ok) {
        if (isFirst && opened.error.every(isOfCommand)) return opened.error;
        const text = JSON.stringify(opened.error);
        if (text !== said) for (const failure of opened.error) emit({ type: "failure", failure });
        said = text;
        isBroken = true;
      } else {
        const { files, root, ways } = opened.value;
        const { needed } = opened.value.request.selection;
        if (isBroken) notice(emit, "the mistake is mended");
        const built = await buildOnce(opened.value, request, emit, debt);
        debt = built.debt;
        if (built.isFresh && (isFirst || isBroken)) notice(emit, freshText(needed.length));
        isBroken = false;
        watched = {
          paths: [...request.always, ...files, ...sourcesOf(needed, root)],
          outputs: outputsOf(needed, root),
          ways: ways(),
        };
        request.built();
      }
      isFirst = false;
      // What was saved before the watch was on would be missed: look once more.
      if (await watch.set(watched)) continue;
      emit({ type: "waiting", files: watched.paths.length });
      await request.idle();
      await changes.next();
      said = "";
    }
    return [];
  } finally {
    await watch.close();
  }
}

/** No edit of a file is meant to correct it. */
const isOfCommand = ({ reason }: Failure): boolean =>
  reason === "usage" || reason === "unknown_target" || reason === "skipped_target";

async function buildOnce(
  { request, withPorts }: WatchedBuild,
  { gpu, signal }: WatchRequest,
  emit: EmitEvent,
  lastDebt: string,
): Promise<{ readonly debt: string; readonly isFresh: boolean }> {
  const owed: ActionNode[] = [];
  const hold = (node: ActionNode): boolean => !gpu && node.declaration.resources.gpu > 0;
  const held = (node: ActionNode): void => void owed.push(node);
  const { plan } = await withPorts((ports) =>
    runBuild({ ...request, hold, held, signal }, ports, unlessIdle(emit)),
  );
  const known = owed.map((node) => request.expected(node)?.seconds.likely ?? null);
  const seconds = known.reduce<number>((sum, value) => sum + (value ?? 0), 0);
  const untimed = known.filter((value) => value === null).length;
  const cost = [
    ...(seconds > 0 ? [`about ${Math.round(seconds)} s`] : []),
    ...(untimed > 0 ? [`${untimed} never timed`] : []),
  ].join(", ");
  const debt: BuildEvent = { type: "debt", targets: owed.map(({ id }) => id), cost };
  const text = owed.length === 0 ? "" : JSON.stringify(debt);
  if (text !== lastDebt) emit(debt);
  return {
    debt: text,
    isFresh: plan?.actions.every(({ verdict }) => verdict === "fresh") === true,
  };
}

const notice = (emit: EmitEvent, message: string): void => emit({ type: "notice", message });

const freshText = (count: number): string =>
  count === 1 ? "the one action is fresh" : `all ${count} actions are fresh`;

/** Passes on the events of a build, but not those of one that finds nothing to do. */
function unlessIdle(emit: EmitEvent): EmitEvent {
  const waiting: BuildEvent[] = [];
  let idle = true;
  return (event) => {
    idle &&= IDLE_EVENTS.has(event.type);
    if (idle) waiting.push(event);
    else for (const held of [...waiting.splice(0), event]) emit(held);
  };
}

const IDLE_EVENTS: ReadonlySet<BuildEvent["type"]> = new Set<BuildEvent["type"]>([
  "build_started",
  "skipped",
  "hashing",
  "planned",
  "build_finished",
]);

function sourcesOf(nodes: readonly ActionNode[], root: string): readonly string[] {
  const paths = new Set<string>();
  for (const node of nodes) {
    for (const input of node.inputs)
      if (input.producer === null || input.optional === true) paths.add(`${root}/${input.path}`);
  }
  return [...paths];
}

const outputsOf = (nodes: readonly ActionNode[], root: string): readonly string[] =>
  nodes.flatMap(({ declaration: { outputs } }) =>
    Object.values(outputs).map(({ path }) => `${root}/${path}`),
  );

/** Remembers a change that came while no wait was under way. */
class ChangeQueue {
  #changed = false;
  #wake: (() => void) | null = null;

  constructor(signal: AbortSignal) {
    signal.addEventListener("abort", () => this.notify(), { once: true });
  }

  notify(): void {
    this.#changed = true;
    this.#wake?.();
  }

  async next(): Promise<void> {
    if (!this.#changed) await new Promise<void>((resolve) => (this.#wake = resolve));
    this.#wake = null;
    this.#changed = false;
  }
}
