import type { Offer, Refusal } from "../plan/offer.ts";

/** What this machine has for the actions that run on it. */
export interface Machine {
  /** As `CUDA_VISIBLE_DEVICES` names them. */
  readonly gpus: readonly string[];
}

/** The executors of this machine, before they are opened. */
export interface LocalOffers {
  readonly typescript: Offer;
  readonly python: Offer;
}

/** Both executors run on this machine, so each has all of it. */
export function localOffers(machine: Machine): LocalOffers {
  const lacks: Offer["lacks"] = ({ gpu }) => lackingGpus(gpu, machine.gpus.length);
  return { typescript: { runtime: "typescript", lacks }, python: { runtime: "python", lacks } };
}

function lackingGpus(needed: number, shown: number): Refusal | null {
  if (needed <= shown) return null;
  return {
    why: `it needs ${needed === 1 ? "a GPU" : `${needed} GPUs`} and this machine shows ${shown === 0 ? "none" : shown}`,
    nextStep: "build it on a machine with one, or set the device to cpu in its model config",
  };
}
