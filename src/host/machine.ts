import { totalmem } from "node:os";
import { sizeText } from "../model/size.ts";
import type { Offer, Refusal } from "../plan/offer.ts";

/** What this machine has for the actions that run on it. */
export interface Machine {
  /** As `CUDA_VISIBLE_DEVICES` names them. */
  readonly gpus: readonly string[];
  /** Main memory, in bytes. Asked only for an action that says how much it needs. */
  readonly memoryBytes: () => number;
}

/** This machine; a container may have less memory than the machine it runs on. */
export const thisMachine = (gpus: readonly string[]): Machine => ({
  gpus,
  memoryBytes: () => Math.min(totalmem(), process.constrainedMemory() || Infinity),
});

/** The executors of this machine, before they are opened. */
export interface LocalOffers {
  readonly typescript: Offer;
  readonly python: Offer;
}

/** Both executors run on this machine, so each has the whole machine. */
export function localOffers(machine: Machine): LocalOffers {
  const lacks: Offer["lacks"] = ({ gpu, memoryBytes = 0 }) =>
    lackingGpus(gpu, machine.gpus.length) ??
    (memoryBytes === 0 ? null : lackingMemory(memoryBytes, machine.memoryBytes()));
  return { typescript: { runtime: "typescript", lacks }, python: { runtime: "python", lacks } };
}

function lackingGpus(needed: number, shown: number): Refusal | null {
  if (needed <= shown) return null;
  return {
    why: `it needs ${needed === 1 ? "a GPU" : `${needed} GPUs`} and this machine shows ${shown === 0 ? "none" : shown}`,
    nextStep: `build it on a machine with ${needed === 1 ? "one" : "as many"}, or set ${needed === 1 || shown === 0 ? "the device to cpu" : `gpus to ${shown}`} in its model config`,
  };
}

function lackingMemory(needed: number, has: number): Refusal | null {
  if (needed <= has) return null;
  return {
    why: `it needs ${sizeText(needed)} of memory and this machine has ${sizeText(has)}`,
    nextStep: "build it on a machine with more memory",
  };
}
