import type { Failure } from "../../model/failure.ts";

export const cancelled = (): Failure => ({
  reason: "cancelled",
  message: "Stopped on request",
  nextStep: "Nothing was recorded; run the same command to start it again.",
});
