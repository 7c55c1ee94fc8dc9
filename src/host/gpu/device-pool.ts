/** Which devices of this process no job has. The schedule starts no more jobs than there are devices. */
export class DevicePool {
  readonly all: readonly string[];
  readonly #free: Set<string>;
  readonly #waiting: (() => void)[] = [];

  constructor(devices: readonly string[]) {
    this.all = devices;
    this.#free = new Set(devices);
  }

  /** In the order in which they were given. */
  get free(): readonly string[] {
    return this.all.filter((device) => this.#free.has(device));
  }

  /** As many as `preferred`, and these where they are free. One that another job moves from is free in a moment. */
  async take(preferred: readonly string[]): Promise<readonly string[]> {
    for (;;) {
      const others = this.free.filter((device) => !preferred.includes(device));
      const taken: string[] = [];
      for (const device of preferred) {
        const known = this.all.includes(device);
        const one = !known || this.#free.has(device) ? device : others.shift();
        if (one !== undefined) taken.push(one);
      }
      if (taken.length === preferred.length && this.takeNow(taken)) return taken;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** All of them or none. */
  takeNow(devices: readonly string[]): boolean {
    const known = devices.filter((device) => this.all.includes(device));
    if (known.some((device) => !this.#free.has(device))) return false;
    for (const device of known) this.#free.delete(device);
    return true;
  }

  giveBack(devices: readonly string[]): void {
    for (const device of devices) if (this.all.includes(device)) this.#free.add(device);
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

/** As many devices as a job has, one group after the other, as the schedule hands them out. */
export const neighbours = (
  devices: readonly string[],
  size: number,
): readonly (readonly string[])[] =>
  Array.from({ length: Math.floor(devices.length / Math.max(1, size)) }, (_, at) =>
    devices.slice(at * size, (at + 1) * size),
  );
