import { capability, KNOWN_MODELOPT, leastCapability, type Purpose } from "./capability.ts";
import { exportLabel } from "./export-label.ts";
import type { PairQuantizers } from "./quantizer.ts";

/** How far a format gets on its way from scores to a server. */
export type Service =
  | {
      readonly by: "vllm";
      /** The `quant_algo` that ModelOpt exports. */
      readonly label: string;
      /** The least compute capability of a device: 8.0 for an A100. */
      readonly least: number;
    }
  /** ModelOpt exports what it says, but vLLM takes none of it. */
  | { readonly by: "export"; readonly label: string; readonly because: string }
  /** Its scores are right, but an export would be called something else, or there is none. */
  | { readonly by: "analysis"; readonly because: string };

/** What serves a format, on the newest device that there is. */
export function whatServes(quantizers: PairQuantizers): Service {
  const can = (purpose: Purpose): ReturnType<typeof capability> =>
    capability(quantizers, {
      device: { kind: "cuda", capability: null },
      modelopt: KNOWN_MODELOPT,
      purpose,
    });
  const exported = can("export");
  if (exported.verdict !== "supported") return { by: "analysis", because: exported.because };
  const label = exportLabel(quantizers) ?? "";
  const served = can("serve");
  return served.verdict === "supported"
    ? { by: "vllm", label, least: leastCapability(label) ?? 0 }
    : { by: "export", label, because: served.because };
}

/** A word or two for a list of formats. */
export function serviceMark(service: Service): string {
  switch (service.by) {
    case "vllm":
      return `vLLM, compute capability ${service.least.toFixed(1)} or higher`;
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
      return `ModelOpt exports it as ${service.label}, and vLLM has a kernel for that from compute capability ${service.least.toFixed(1)} on.`;
    case "export":
      return `ModelOpt exports it as ${service.label}, but ${service.because}.`;
    case "analysis":
      return `${service.because}.`;
  }
}
