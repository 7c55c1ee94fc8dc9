import { exportLabel, whyMislabelled } from "./export-label.ts";
import { numberName, type PairQuantizers } from "./quantizer.ts";
import { servedAs } from "./served-forms.ts";

/** The ModelOpt that all of this was tried with. */
export const KNOWN_MODELOPT = "0.47.0";

export type Device =
  | { readonly kind: "cpu" }
  | {
      readonly kind: "cuda";
      /** Compute capability, 9.0 for an H100; null when it is not known yet. */
      readonly capability: number | null;
    };

export type Purpose = "score" | "export" | "serve";

export interface Circumstances {
  readonly device: Device;
  /** Version of ModelOpt. */
  readonly modelopt: string;
  readonly purpose: Purpose;
}

export type Capability =
  | { readonly verdict: "supported" }
  | {
      /** `analysis-only`: it can be scored, but what is exported would be called something else. */
      readonly verdict: "analysis-only" | "unsupported";
      readonly because: string;
    };

const SUPPORTED: Capability = { verdict: "supported" };
const unsupported = (because: string): Capability => ({ verdict: "unsupported", because });

/**
 * What can be done with a format under these circumstances, and why not, before any model is loaded.
 *
 * Measured with ModelOpt 0.47.0 on CPUs and H200, and with vLLM 0.32 and 0.33 up to the loading of weights.
 * On an unknown compute capability it is assumed that the device is new enough.
 */
export function capability(
  quantizers: PairQuantizers,
  { device, modelopt, purpose }: Circumstances,
): Capability {
  if (modelopt !== KNOWN_MODELOPT) {
    return unsupported(
      olderThanListConfigs(modelopt)
        ? `ModelOpt ${modelopt} does not read list-style configs, which came with 0.44`
        : `it was tried with ModelOpt ${KNOWN_MODELOPT} only, not with ${modelopt}`,
    );
  }
  if (purpose === "serve") return serving(quantizers, device);
  const number = [quantizers.weight, ...(quantizers.input === null ? [] : [quantizers.input])]
    .map(numberName)
    .find((name) => name.endsWith("fp4"));
  if (number !== undefined && device.kind === "cpu") {
    return unsupported(`${number.toUpperCase()} needs a CUDA device`);
  }
  return purpose === "score" ? SUPPORTED : exporting(quantizers);
}

function exporting(quantizers: PairQuantizers): Capability {
  const why = whyMislabelled(quantizers);
  return why === null ? SUPPORTED : { verdict: "analysis-only", because: why };
}

/** What vLLM said, which scripts/served-formats.mjs asked: of ModelOpt's export, and of compressed-tensors. */
function serving(quantizers: PairQuantizers, device: Device): Capability {
  const served = servedAs(quantizers);
  if (served === null) {
    const exported = exporting(quantizers);
    const label = exportLabel(quantizers) ?? "";
    return exported.verdict === "supported"
      ? unsupported(
          `vLLM does not load ModelOpt's ${label}, and compressed-tensors has no form for that`,
        )
      : exported;
  }
  if (device.kind === "cpu") return unsupported("vLLM only checks and loads it without a GPU");
  return device.capability === null || device.capability >= served.least
    ? SUPPORTED
    : unsupported(
        `vLLM was found to have a kernel for it from compute capability ${served.least.toFixed(1)} on, not on ${device.capability.toFixed(1)}`,
      );
}

function olderThanListConfigs(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major === 0 && minor < 44;
}
