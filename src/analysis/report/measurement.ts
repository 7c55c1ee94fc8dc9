/** How scores came to be: what that took, on what and when. */
export interface Measurement {
  /** Of this analysis alone; its share where several were scored together. */
  readonly seconds: number;
  readonly gpuSeconds: number;
  readonly peakGpuMemoryBytes: number | null;
  /** How many analyses were scored in the same process. */
  readonly together: number;
  /** For instance `NVIDIA H200`, or `cpu`; null where it is not recorded. */
  readonly device: string | null;
  /** `2026-11-21`, UTC; null where it is not recorded. */
  readonly day: string | null;
}

/** `31 s GPU`, `2.5 min`: time of the GPU where there was one. Empty without measurements. */
export function costText(measurements: readonly Measurement[]): string {
  if (measurements.length === 0) return "";
  const sum = (of: (one: Measurement) => number): number =>
    measurements.reduce((total, one) => total + of(one), 0);
  const gpu = sum(({ gpuSeconds }) => gpuSeconds);
  return gpu > 0 ? `${timeText(gpu)} GPU` : timeText(sum(({ seconds }) => seconds));
}

/** `2026-11-21, NVIDIA H200`; of several the first and the last day, and all devices. */
export function measuredText(measurements: readonly Measurement[]): string {
  const days = named(measurements.map(({ day }) => day));
  const devices = named(measurements.map(({ device }) => (device === "cpu" ? "CPU" : device)));
  const [first, last] = [days[0], days.at(-1)];
  const when = first === last ? first : `${first ?? ""} to ${last ?? ""}`;
  return [...(when === undefined ? [] : [when]), ...devices].join(", ");
}

const named = (names: readonly (string | null)[]): readonly string[] =>
  [...new Set(names.filter((name) => name !== null))].sort();

/** Two digits are enough to compare: the next run takes a little more or less. */
function timeText(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 99.5) return `${seconds.toFixed(0)} s`;
  const minutes = seconds / 60;
  if (minutes < 99.5) return `${minutes.toFixed(minutes < 9.95 ? 1 : 0)} min`;
  return `${(minutes / 60).toFixed(1)} h`;
}
