import { errorText } from "../disk/disk.ts";
import { Trouble } from "./server.ts";

/** How long is waited for a cache. Milliseconds. */
export interface Patience {
  /** For one answer, beside the time that its bytes take. */
  readonly answer: number;
  /** For all that a plan asks at once, and for each part of it on top. */
  readonly question: number;
  readonly part: number;
  /** Bytes a second below which a transfer is given up. */
  readonly slowest: number;
  /** So many troubles in a row, and it is not asked again in this run. */
  readonly troubles: number;
}

export const PATIENCE: Patience = {
  answer: 10_000,
  question: 15_000,
  part: 20,
  slowest: 256 * 1024,
  troubles: 3,
};

/** Waits for a server no longer than it is worth; after some troubles in a row it is left alone. */
export class Breaker {
  readonly #patience: Patience;
  readonly #opened: (why: string) => void;
  /** Ends what is under way. */
  readonly #underWay = new Set<() => void>();
  #troubles = 0;
  #why: string | null = null;

  /** @param opened told once, when the server is left alone from now on */
  constructor(patience: Patience, opened: (why: string) => void) {
    this.#patience = patience;
    this.#opened = opened;
  }

  /** Why the server is not asked any more; null while it is. */
  get why(): string | null {
    return this.#why;
  }

  /** Ends all that is under way, and starts nothing more; nobody is told. */
  stop(): void {
    this.#why ??= "the command ended";
    this.#end();
  }

  /**
   * @param bytes that may be on their way, which take their time
   * @param task who reads says `alive` first and whenever something has come: silence in between is no more patience
   *   worth than one answer
   * @throws Trouble, whatever went wrong
   */
  async ask<T>(
    bytes: number,
    task: (signal: AbortSignal, alive: () => void) => Promise<T>,
  ): Promise<T> {
    if (this.#why !== null) throw new Trouble("unavailable", this.#why);
    const { answer, slowest } = this.#patience;
    const milliseconds = answer + (1000 * bytes) / slowest;
    try {
      const answered = await within({ milliseconds, silence: answer }, this.#underWay, task);
      this.#troubles = 0;
      return answered;
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      if (error.kind === "unavailable") this.#failed(error.message);
      throw error;
    }
  }

  /** All parts of a question at once, as far as they are answered in its time. */
  async question(count: number, parts: () => Promise<unknown>): Promise<void> {
    if (this.#why !== null) return;
    const { question, part } = this.#patience;
    const milliseconds = question + part * count;
    await within({ milliseconds, silence: question }, this.#underWay, parts).catch(
      (error: unknown) => {
        if (!(error instanceof Trouble)) throw error;
        if (this.#why === null) this.leave(`it is too slow: ${error.message}`);
      },
    );
  }

  #failed(why: string): void {
    this.#troubles += 1;
    if (this.#troubles >= this.#patience.troubles) this.leave(why);
  }

  /** It is not asked again in this run. */
  leave(why: string): void {
    if (this.#why !== null) return;
    this.#why = why;
    this.#end();
    this.#opened(why);
  }

  #end(): void {
    for (const end of [...this.#underWay]) end();
  }
}

/** What a task gives, or a `Trouble` when its time is over; a task that does not heed its signal is left behind. */
function within<T>(
  { milliseconds, silence }: { readonly milliseconds: number; readonly silence: number },
  underWay: Set<() => void>,
  task: (signal: AbortSignal, alive: () => void) => Promise<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const given = new AbortController();
    const over = (why: string): void => {
      reject(new Trouble("unavailable", why));
      given.abort();
    };
    const after = (time: number): NodeJS.Timeout =>
      setTimeout(() => over(`no answer within ${Math.max(1, Math.round(time / 1000))} s`), time);
    const timer = after(milliseconds);
    let silent: NodeJS.Timeout | null = null;
    const alive = (): void => {
      if (silent === null) silent = after(silence);
      else silent.refresh();
    };
    const stopped = (): void => over("the command ended");
    underWay.add(stopped);
    const done = (): void => {
      clearTimeout(timer);
      if (silent !== null) clearTimeout(silent);
      underWay.delete(stopped);
    };
    task(given.signal, alive).then(
      (value) => {
        done();
        resolve(value);
      },
      (error: unknown) => {
        done();
        reject(error instanceof Error ? error : new Error(errorText(error)));
      },
    );
  });
}
