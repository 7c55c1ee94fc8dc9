/** Work that waits for devices. */
export interface Claim {
  /** Devices that it needs. */
  readonly least: number;
  /** Devices of which it can make use. */
  readonly most: number;
  /** What it takes with so many, at least `least`. */
  readonly seconds: (devices: number) => number;
}

/**
 * How many devices each gets where there are enough for all: what it needs, and every further device goes to the one
 * that would take longest and can use it. Null where there are not enough.
 */
export function sharedDevices(claims: readonly Claim[], devices: number): readonly number[] | null {
  const given = claims.map(({ least }) => least);
  let left = devices - given.reduce((sum, one) => sum + one, 0);
  if (left < 0) return null;
  for (; left > 0; left--) {
    let [next, longest] = [-1, -1];
    claims.forEach(({ most, seconds }, at) => {
      const mine = given[at] ?? 0;
      if (mine < most && seconds(mine) > longest) [next, longest] = [at, seconds(mine)];
    });
    if (next < 0) break;
    given[next] = (given[next] ?? 0) + 1;
  }
  return given;
}
