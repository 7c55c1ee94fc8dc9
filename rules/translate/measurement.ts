import type { OpInput, Provenance } from "aqm";
import type { Measurement } from "aqm/analysis";

/** What a record says; null where there is none. */
export const provenanceIn = (record: OpInput | undefined): Provenance | null =>
  record?.isThere() === true ? (JSON.parse(record.text()) as Provenance) : null;

/** How scores were measured; null if it is not known. */
export function measurementIn(provenance: Provenance | null): Measurement | null {
  if (provenance === null || provenance.adopted) return null;
  const { cost, facts, made_on } = provenance;
  const device = facts["device_kind"];
  return {
    seconds: cost.seconds,
    gpuSeconds: cost.gpu_seconds,
    peakGpuMemoryBytes: cost.peak_gpu_memory_bytes,
    together: cost.scale?.together ?? 1,
    device: typeof device === "string" ? device : null,
    day: made_on,
  };
}
