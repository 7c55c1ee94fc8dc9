import { Slots } from "./slots.ts";

/** Results that go to a shared cache at the same time. */
const AT_ONCE = 8;

/** What is on its way to the shared cache while a build goes on. */
export class Uploads {
  readonly #slots = new Slots(AT_ONCE);
  /** Targets that are on their way. */
  readonly #open = new Map<string, Promise<void>>();
  readonly #failed = new Set<string>();
  #sent = 0;

  /** @param send false when the result cannot be sent, or not in whole */
  add(target: string, send: () => Promise<boolean>): void {
    const before = this.#open.get(target) ?? Promise.resolve();
    this.#failed.delete(target);
    const sent: Promise<void> = before
      .then(() => this.#slots.run(send))
      .then((done) => {
        if (done) this.#sent += 1;
        else this.#failed.add(target);
        if (this.#open.get(target) === sent) this.#open.delete(target);
      });
    sent.catch(() => undefined); // `settle` throws what is thrown here
    this.#open.set(target, sent);
  }

  get open(): number {
    return this.#open.size;
  }

  /** How many were sent since the last time that this was asked. */
  takeSent(): number {
    const sent = this.#sent;
    this.#sent = 0;
    return sent;
  }

  /** Waits until all have been sent or have failed, the time is over or the signal is aborted; returns what is left. */
  async settle(milliseconds: number, signal: AbortSignal): Promise<readonly string[]> {
    let stop: () => void = () => undefined;
    const over = new Promise<void>((resolve) => (stop = resolve));
    const timer = setTimeout(stop, milliseconds);
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    await Promise.race([over, Promise.all(this.#open.values())]);
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
    return [...this.#failed, ...this.#open.keys()];
  }
}
