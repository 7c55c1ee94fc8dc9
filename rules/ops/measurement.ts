import type { OpInput, Provenance } from "aqm";
import type { Measurement } from "aqm/analysis";

/** What the record of scores says of how they were measured; null where there is none, or nobody knows. */
export function measurementIn(record: OpInput | undefined): Measurement | null {
  if (record?.isThere() !== true) return null;
  const { cost, facts, made_on, adopted } = JSON.parse(record.text()) as Provenance;
  const device = facts["device_kind"];
  return adopted
    ? null
    : {
        seconds: cost.seconds,
        gpuSeconds: cost.gpu_seconds,
        peakGpuMemoryBytes: cost.peak_gpu_memory_bytes,
        together: cost.scale?.together ?? 1,
        device: typeof device === "string" ? device : null,
        day: made_on,
      };
}
