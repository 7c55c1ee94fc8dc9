import type { Failure } from "../model/failure.ts";
import type { PlanCost } from "./cost.ts";

/** Why a plan may cost more GPU time than allowed; null when it cannot, as far as anybody can tell. */
export function overBudget(cost: PlanCost, gpuHours: number): Failure | null {
  const { gpuSeconds, gpuWithoutEstimate } = cost;
  const refuse = (message: string, nextStep: string): Failure => ({
    reason: "over_budget",
    message: `${message}; nothing was run`,
    nextStep,
  });
  if (gpuWithoutEstimate > 0) {
    return refuse(
      `${gpuWithoutEstimate} GPU actions were never timed and declare no expected cost, so --max-gpu-hours ${gpuHours} cannot be promised`,
      "Let their rule declare `expected`, build one of them first, or leave --max-gpu-hours out.",
    );
  }
  const hours = gpuSeconds.high / 3600;
  if (hours <= gpuHours) return null;
  const text = (value: number): string => Number(value.toPrecision(2)).toString();
  return refuse(
    `The build may take up to ${text(hours)} GPU hours (likely ${text(gpuSeconds.likely / 3600)}), and --max-gpu-hours allows ${gpuHours}`,
    "Ask for fewer targets, or allow more. `aqm build --dry-run` shows what the estimate is made of.",
  );
}
