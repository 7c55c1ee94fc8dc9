import type { ActionNode } from "../graph/graph.ts";
import { gpusUpTo, type Resources } from "../model/declaration.ts";

/** A grant of the lanes' resources: CPU slots, and the GPU devices that the job may use. */
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
  readonly #alike: boolean;
  #freeElsewhere: number;

  /** @param alike whether the devices are of one kind, so that a job may share its work out over several */
  constructor(slots: number, gpus: readonly string[], elsewhere = 0, alike = true) {
    this.#slots = Math.max(1, slots);
    this.#freeSlots = this.#slots;
    this.#freeGpus = [...gpus];
    this.#freeElsewhere = elsewhere;
    this.#alike = alike;
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

  /** How many jobs of a group can begin now. What shares its work out over devices itself is one job. */
  fits(resources: Resources, lane?: Lane): number {
    const { cpu, gpu } = resources;
    if (lane === "elsewhere") return this.#freeElsewhere;
    if (gpu > 0) {
      const jobs = Math.floor(this.#freeGpus.length / gpu);
      return this.#upTo(resources) > gpu ? Math.min(1, jobs) : jobs;
    }
    const slots = Math.min(cpu, this.#slots);
    return slots === 0 ? this.#freeLight : Math.floor(this.#freeSlots / slots);
  }

  /**
   * All that is needed or nothing; null when it does not fit now.
   *
   * @param share of so many free devices, how many a job gets that can use more than it needs
   */
  take(
    resources: Resources,
    lane?: Lane,
    share: (free: number) => number = (free) => free,
  ): Lease | null {
    if (lane === "elsewhere") {
      if (this.#freeElsewhere === 0) return null;
      this.#freeElsewhere -= 1;
      return { cpu: 0, gpus: Array<string>(resources.gpu).fill("elsewhere"), elsewhere: true };
    }
    if (resources.gpu > 0) {
      const { gpu } = resources;
      const [free, most] = [this.#freeGpus.length, this.#upTo(resources)];
      if (free < gpu) return null;
      const gpus = most > gpu ? Math.max(gpu, Math.min(most, share(free))) : gpu;
      return { cpu: 0, gpus: this.#freeGpus.splice(0, gpus) };
    }
    const cpu = Math.min(resources.cpu, this.#slots);
    if (this.#freeSlots < cpu || (cpu === 0 && this.#freeLight === 0)) return null;
    this.#freeSlots -= cpu;
    if (cpu === 0) this.#freeLight -= 1;
    return { cpu, gpus: [] };
  }

  #upTo(resources: Resources): number {
    return this.#alike ? gpusUpTo(resources) : resources.gpu;
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
