import type { Resources } from "../model/declaration.ts";

/** A grant of the lanes' resources: CPU slots, and the GPU devices that the action may see. */
export interface Lease {
  readonly cpu: number;
  readonly gpus: readonly string[];
}

/**
 * `light` is for what takes no slot because it is over in milliseconds. It has a bound of its own, so that
 * a hundred thousand small actions do not begin all at once.
 */
export type Lane = "gpu" | "cpu" | "light";

const LIGHT_AT_ONCE = 32;

export const laneOf = ({ cpu, gpu }: Resources): Lane =>
  gpu > 0 ? "gpu" : cpu > 0 ? "cpu" : "light";

/**
 * Two finite pools: CPU slots and GPU devices. An action on the GPU lane takes no CPU slot, so cheap
 * work never waits for a device.
 */
export class Lanes {
  readonly #slots: number;
  #freeSlots: number;
  #freeLight = LIGHT_AT_ONCE;
  readonly #freeGpus: string[];

  constructor(slots: number, gpus: readonly string[]) {
    this.#slots = Math.max(1, slots);
    this.#freeSlots = this.#slots;
    this.#freeGpus = [...gpus];
  }

  /** Nothing on this lane can start now, however little it asks for. */
  isFull(lane: Lane): boolean {
    const free = { gpu: this.#freeGpus.length, cpu: this.#freeSlots, light: this.#freeLight };
    return free[lane] === 0;
  }

  /** How many times `take` would grant this now. */
  fits({ cpu, gpu }: Resources): number {
    if (gpu > 0) return Math.floor(this.#freeGpus.length / gpu);
    const slots = Math.min(cpu, this.#slots);
    return slots === 0 ? this.#freeLight : Math.floor(this.#freeSlots / slots);
  }

  /** All or nothing; null when it does not fit now. */
  take(resources: Resources): Lease | null {
    if (resources.gpu > 0) {
      if (this.#freeGpus.length < resources.gpu) return null;
      return { cpu: 0, gpus: this.#freeGpus.splice(0, resources.gpu) };
    }
    const cpu = Math.min(resources.cpu, this.#slots);
    if (this.#freeSlots < cpu || (cpu === 0 && this.#freeLight === 0)) return null;
    this.#freeSlots -= cpu;
    if (cpu === 0) this.#freeLight -= 1;
    return { cpu, gpus: [] };
  }

  giveBack(lease: Lease): void {
    this.#freeSlots += lease.cpu;
    if (lease.cpu === 0 && lease.gpus.length === 0) this.#freeLight += 1;
    this.#freeGpus.push(...lease.gpus);
    this.#freeGpus.sort();
  }
}
