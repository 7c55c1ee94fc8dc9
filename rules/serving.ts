import { action, committed, from, pythonOp, type Declared, type Input } from "aqm";
import type { AnalysedModel } from "./configs.ts";
import { vllm } from "./vllm.ts";

const servingCheck = pythonOp("serving_check", vllm);

/** Where vLLM is asked, by the name that a status file carries. */
const DEVICES = {
  cpu: { kind: "cpu" },
  sm80: { kind: "invented", capability: "8.0" },
  sm89: { kind: "invented", capability: "8.9" },
  sm90: { kind: "invented", capability: "9.0" },
  sm100: { kind: "invented", capability: "10.0" },
  cuda: { kind: "cuda" },
} as const;

export type ServingDevice = keyof typeof DEVICES;
export type ExportFormat = "modelopt" | "compressed-tensors";

export interface ServingCell {
  readonly model: AnalysedModel;
  readonly scheme: string;
  /** Folder of the model's statuses, such as `models/serving/qwen3_vl_tiny`. */
  readonly folder: string;
  readonly exported: readonly {
    readonly format: ExportFormat;
    /** The exported folder. */
    readonly checkpoint: Input;
    /** What the simulated model answers to the sanity prompts; only a GPU can compare. */
    readonly answers?: Input;
  }[];
}

export interface ServingChecks {
  readonly declared: Declared;
  readonly statuses: readonly {
    readonly format: ExportFormat;
    readonly device: ServingDevice;
    readonly path: string;
    readonly status: Input;
  }[];
}

/**
 * What vLLM says of each exported folder on each device. The statuses lie beside the models' folders and not below
 * them: building a scheme or a model asks for no check, and so never for vLLM's environment of 8.9 GB.
 */
export function servingChecks({ model, scheme, folder, exported }: ServingCell): ServingChecks {
  const devices = (Object.keys(DEVICES) as ServingDevice[]).filter(
    // A model that is scored on a CPU has no GPU to be served on.
    (device) => device !== "cuda" || model.device === "cuda",
  );
  const checks = exported.flatMap(({ format, checkpoint, answers }) =>
    devices.map((device) => {
      const path = `${folder}/${scheme}/${format}-${device}.json`;
      const check = action({
        op: servingCheck,
        params: { device: DEVICES[device] },
        inputs:
          device === "cuda" && answers !== undefined ? { checkpoint, answers } : { checkpoint },
        outputs: { status: committed(path) },
        resources: { gpu: device === "cuda" ? 1 : 0 },
        // All folders of a device in one process with vLLM, which takes half a minute to start.
        batch: { apart: ["checkpoint"] },
      });
      return { format, device, path, check, status: from(check, "status") };
    }),
  );
  return {
    declared: checks.map(({ check }) => check),
    statuses: checks.map(({ format, device, path, status }) => ({ format, device, path, status })),
  };
}
