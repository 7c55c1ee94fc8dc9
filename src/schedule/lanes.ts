import type { Resources } from "../model/declaration.ts";

/** A grant of the lanes' resources: CPU slots, and the GPU devices that the action may see. */
export interface Lease {
  readonly cpu: number;
  readonly gpus: readonly string[];
}

/**
 * Two finite pools: CPU slots and GPU devices. An action on the GPU lane takes no CPU slot, so cheap
 * work never waits for a device.
 */
export class Lanes {
  readonly #slots: number;
  #freeSlots: number;
  readonly #freeGpus: string[];

  constructor(slots: number, gpus: readonly string[]) {
    this.#slots = Math.max(1, slots);
    this.#freeSlots = this.#slots;
    this.#freeGpus = [...gpus];
  }

  /** All or nothing; null when it does not fit now. */
  take(resources: Resources): Lease | null {
    if (resources.gpu > 0) {
      if (this.#freeGpus.length < resources.gpu) return null;
      return { cpu: 0, gpus: this.#freeGpus.splice(0, resources.gpu) };
    }
    const cpu = Math.min(resources.cpu, this.#slots);
    if (this.#freeSlots < cpu) return null;
    this.#freeSlots -= cpu;
    return { cpu, gpus: [] };
  }

  giveBack(lease: Lease): void {
    this.#freeSlots += lease.cpu;
    this.#freeGpus.push(...lease.gpus);
    this.#freeGpus.sort();
  }
}
