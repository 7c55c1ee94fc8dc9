import { described } from "./export-label.ts";
import type { PairQuantizers } from "./quantizer.ts";
import {
  SERVED_DEVICES,
  type ExportedAs,
  type ServedAnswer,
  type ServedDevice,
  type ServedForm,
} from "./served-answer.ts";
import { SERVED } from "./served.ts";

/** What vLLM said of these quantizers in an export format; undefined where that format has no form for them. */
export const servedForm = (
  { weight, input }: PairQuantizers,
  exported: ExportedAs,
): ServedForm | undefined =>
  SERVED.forms.find(
    (form) =>
      form.exported === exported &&
      form.weights === described(weight) &&
      form.activations === described(input),
  );

/** The least compute capability, of those that were asked about, on which vLLM loads a form; null where on none. */
export function leastCapability({ devices }: ServedForm): number | null {
  if (devices === null) return null;
  const loads = Object.entries(SERVED_DEVICES).flatMap(([device, capability]) =>
    capability !== null && isLoaded(devices[device as ServedDevice]) ? [capability] : [],
  );
  return loads.length === 0 ? null : Math.min(...loads);
}

export const isLoaded = ({ status }: ServedAnswer): boolean => status.startsWith("loads");

export interface Served {
  readonly exported: ExportedAs;
  /** The least compute capability that was asked about. */
  readonly least: number;
}

/** In which export format vLLM takes these quantizers, ModelOpt's first; null where in none. */
export function servedAs(quantizers: PairQuantizers): Served | null {
  for (const exported of ["modelopt", "compressed_tensors"] as const) {
    const form = servedForm(quantizers, exported);
    const least = form === undefined ? null : leastCapability(form);
    if (least !== null) return { exported, least };
  }
  return null;
}
