import { capability, KNOWN_MODELOPT, type Purpose } from "./capability.ts";
import { exportLabel } from "./export-label.ts";
import type { PairQuantizers } from "./quantizer.ts";
import type { ExportedAs } from "./served-answer.ts";
import { servedAs } from "./served-forms.ts";

/** How far a format gets on its way from scores to a server. */
export type Service =
  | {
      readonly by: "vllm";
      /** The export that vLLM takes. */
      readonly exported: ExportedAs;
      /** The `quant_algo` that ModelOpt exports; null where ModelOpt's export has none that is right. */
      readonly label: string | null;
      /** The least compute capability of a device: 8.0 for an A100. */
      readonly least: number;
    }
  /** ModelOpt exports the pair, but vLLM does not take the export. */
  | { readonly by: "export"; readonly label: string; readonly because: string }
  /** Its scores are right, but an export would be called something else, or there is none. */
  | { readonly by: "analysis"; readonly because: string };

/** What serves a format, on the newest device that there is; it follows from what vLLM said (served.ts). */
export function whatServes(quantizers: PairQuantizers): Service {
  const can = (purpose: Purpose): ReturnType<typeof capability> =>
    capability(quantizers, {
      device: { kind: "cuda", capability: null },
      modelopt: KNOWN_MODELOPT,
      purpose,
    });
  const exported = can("export");
  const label = exported.verdict === "supported" ? exportLabel(quantizers) : null;
  const served = servedAs(quantizers);
  if (served !== null) return { by: "vllm", ...served, label };
  if (exported.verdict !== "supported") return { by: "analysis", because: exported.because };
  const serve = can("serve");
  const because = serve.verdict === "supported" ? "nothing serves it" : serve.because;
  return { by: "export", label: label ?? "", because };
}

/** Export formats, as people call them. */
export const EXPORT_NAMES: Readonly<Record<ExportedAs, string>> = {
  modelopt: "ModelOpt",
  compressed_tensors: "compressed-tensors",
};

/** A word or two for a list of formats. */
export function serviceMark(service: Service): string {
  switch (service.by) {
    case "vllm":
      return `vLLM${service.exported === "modelopt" ? "" : ` from ${EXPORT_NAMES[service.exported]}`}, compute capability ${service.least.toFixed(1)} or higher`;
    case "export":
      return "ModelOpt export only";
    case "analysis":
      return "analysis only";
  }
}

/** The same for a list with little room. */
export function serviceShort(service: Service): string {
  switch (service.by) {
    case "vllm":
      return `vLLM, ${service.least.toFixed(1)} or higher`;
    case "export":
      return "export only";
    case "analysis":
      return "analysis only";
  }
}

/** The reason behind the mark, as a sentence. */
export function serviceReason(service: Service): string {
  switch (service.by) {
    case "vllm":
      return servedReason(service);
    case "export":
      return `ModelOpt exports it as ${service.label}, but ${service.because}.`;
    case "analysis":
      return `${service.because}.`;
  }
}

function servedReason({
  exported,
  label,
  least,
}: Extract<Service, { readonly by: "vllm" }>): string {
  const from = `vLLM has a kernel for that from compute capability ${least.toFixed(1)} on`;
  if (exported === "modelopt") return `ModelOpt exports it as ${label ?? ""}, and ${from}.`;
  const other =
    label === null
      ? "ModelOpt's export would call it something else"
      : `it was not found to load ModelOpt's ${label}`;
  return `The export compressed-tensors stores it, and ${from}; ${other}.`;
}
