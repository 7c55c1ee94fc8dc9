import type { ActionNode } from "../graph/graph.ts";
import { err } from "../model/result.ts";
import { takerOf, type Offer, type Refusal } from "../plan/offer.ts";
import type { ExecutionRequest, Executor, JobExecutor } from "../ports.ts";

/** An executor that is opened for its first job: a build without work for it never loads its modules. */
export interface ExecutorAtHand extends Offer {
  readonly logPath: Executor["logPath"];
  readonly open: () => Promise<JobExecutor>;
}

/** Hands each job to the executor that takes it. Opens executors as jobs come, and closes what it opened. */
export class Executors implements Executor {
  readonly #atHand: readonly ExecutorAtHand[];
  readonly #open = new Map<ExecutorAtHand, Promise<JobExecutor>>();

  constructor(atHand: readonly ExecutorAtHand[]) {
    this.#atHand = atHand;
  }

  /** The members of a job are of one batch group, so what one of them needs, all of them need. */
  async execute(request: ExecutionRequest): Promise<void> {
    const [first] = request.members;
    if (first === undefined) return;
    const taker = takerOf(first.node.declaration, this.#atHand);
    if (taker.ok) return (await this.#opened(taker.value)).execute(request);
    for (const member of request.members) request.ended(member, err(refused(taker.error)));
  }

  foresee(
    nodes: readonly ActionNode[],
    about: Parameters<NonNullable<Executor["foresee"]>>[1],
  ): void {
    for (const executor of this.#atHand) {
      const mine = nodes.filter((node) => {
        const taker = takerOf(node.declaration, this.#atHand);
        return taker.ok && taker.value === executor;
      });
      if (mine.length === 0) continue;
      // Where it cannot be opened, its first job says so.
      this.#opened(executor).then(
        (opened) => opened.foresee?.(mine, about),
        () => undefined,
      );
    }
  }

  logPath(node: ActionNode): string | null {
    const taker = takerOf(node.declaration, this.#atHand);
    return taker.ok ? taker.value.logPath(node) : null;
  }

  async close(): Promise<void> {
    const open = [...this.#open.values()];
    this.#open.clear();
    await Promise.all(open.map(async (executor) => (await executor).close()));
  }

  #opened(executor: ExecutorAtHand): Promise<JobExecutor> {
    let open = this.#open.get(executor);
    if (open === undefined) this.#open.set(executor, (open = executor.open()));
    return open;
  }
}

/** A plan blocks such actions, so this is for a build whose plan was made with other executors. */
const refused = ({ why, nextStep }: Refusal) =>
  ({ reason: "unsupported_here", message: `No executor takes it: ${why}`, nextStep }) as const;
