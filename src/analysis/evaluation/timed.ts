import type { ExportFormat } from "../schemes/scheme.ts";
import type { ServingStatus } from "../schemes/serving-status.ts";
import type { SpeedOf } from "./evaluation.ts";

/** An export, and what is known of a server that runs it on a GPU. */
export interface Served {
  readonly format: ExportFormat;
  /** Of the model. */
  readonly device: "cpu" | "cuda";
  /** What asks the server; null where nothing does. */
  readonly target: string | null;
  /** Null where no timing was asked for. */
  readonly status: ServingStatus | null;
}

/** The times of an export, or why there are none. */
export function timed({ format, device, target, status }: Served): SpeedOf {
  const measured = status?.speed ?? null;
  if (measured !== null) return { format, measured, not_measured: null };
  return { format, measured, not_measured: whyNot(device, target, status) };
}

function whyNot(
  device: Served["device"],
  target: string | null,
  status: ServingStatus | null,
): string {
  if (device === "cpu") return "the model's device is a CPU, and a server is timed on a GPU alone";
  if (target === null) return "no serving check on a GPU is declared for this export";
  if (status === null) return `vLLM was not asked yet: aqm build ${target}`;
  return status.word === "serves"
    ? `the status has no times: aqm build ${target}`
    : `vLLM did not serve it (${status.word}${status.reason === null ? "" : `: ${status.reason}`})`;
}
