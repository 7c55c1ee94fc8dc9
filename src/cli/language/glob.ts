import { isGlob, type GlobMatcher } from "../../graph/select.ts";

/** The glob library is only loaded when a target has glob characters. */
export async function globMatcher(targets: readonly string[]): Promise<GlobMatcher> {
  if (!targets.some(isGlob)) return () => () => false;
  const { default: picomatch } = await import("picomatch");
  return (pattern) => {
    const matches = picomatch(pattern, { dot: true });
    return (path) => matches(path);
  };
}
