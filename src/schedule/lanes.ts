import type { ActionNode } from "../graph/graph.ts";
import type { Resources } from "../model/declaration.ts";

/** A grant of the lanes' resources: CPU slots, and the GPU devices that the action may see. */
export interface Lease {
  readonly cpu: number;
  /** Of a job elsewhere, only how many it needs: their names are known there. */
  readonly gpus: readonly string[];
  /** Set where the job holds nothing of this machine. */
  readonly elsewhere?: true;
}

/** Work that other machines do, so that it holds none of this machine's slots. */
export interface Elsewhere {
  readonly takes: (node: ActionNode) => boolean;
  /** Jobs at the same time. */
  readonly jobs: number;
  /** What an action takes when it runs alone, by prediction; null where nothing is known. */
  readonly seconds: (node: ActionNode) => number | null;
  /** Members of a group share a job until it takes that long. */
  readonly jobSeconds: number;
}

/**
 * `light` is for what takes no slot because it is over in milliseconds. It has a bound of its own, so that
 * a hundred thousand small actions do not begin all at once. `elsewhere` is for what other machines do.
 */
export type Lane = "gpu" | "cpu" | "light" | "elsewhere";

const LIGHT_AT_ONCE = 32;

export const laneOf = ({ cpu, gpu }: Resources): Lane =>
  gpu > 0 ? "gpu" : cpu > 0 ? "cpu" : "light";

/**
 * Two finite pools: CPU slots and GPU devices. An action on the GPU lane takes no CPU slot, so cheap
 * work never waits for a device. What runs elsewhere takes neither; of such jobs there are only so many.
 */
export class Lanes {
  readonly #slots: number;
  #freeSlots: number;
  #freeLight = LIGHT_AT_ONCE;
  readonly #freeGpus: string[];
  #freeElsewhere: number;

  constructor(slots: number, gpus: readonly string[], elsewhere = 0) {
    this.#slots = Math.max(1, slots);
    this.#freeSlots = this.#slots;
    this.#freeGpus = [...gpus];
    this.#freeElsewhere = elsewhere;
  }

  /** Nothing on this lane can start now, however little it asks for. */
  isFull(lane: Lane): boolean {
    const free = {
      gpu: this.#freeGpus.length,
      cpu: this.#freeSlots,
      light: this.#freeLight,
      elsewhere: this.#freeElsewhere,
    };
    return free[lane] === 0;
  }

  /** How many times `take` would grant this now. */
  fits({ cpu, gpu }: Resources, lane?: Lane): number {
    if (lane === "elsewhere") return this.#freeElsewhere;
    if (gpu > 0) return Math.floor(this.#freeGpus.length / gpu);
    const slots = Math.min(cpu, this.#slots);
    return slots === 0 ? this.#freeLight : Math.floor(this.#freeSlots / slots);
  }

  /** All or nothing; null when it does not fit now. */
  take(resources: Resources, lane?: Lane): Lease | null {
    if (lane === "elsewhere") {
      if (this.#freeElsewhere === 0) return null;
      this.#freeElsewhere -= 1;
      return { cpu: 0, gpus: Array<string>(resources.gpu).fill("elsewhere"), elsewhere: true };
    }
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
    if (lease.elsewhere === true) {
      this.#freeElsewhere += 1;
      return;
    }
    this.#freeSlots += lease.cpu;
    if (lease.cpu === 0 && lease.gpus.length === 0) this.#freeLight += 1;
    this.#freeGpus.push(...lease.gpus);
    this.#freeGpus.sort();
  }
}
