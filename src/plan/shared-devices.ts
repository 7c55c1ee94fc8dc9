import type { ActionNode } from "../graph/graph.ts";
import { gpusUpTo } from "../model/declaration.ts";
import { sharedOutRatio, together } from "./estimate.ts";

/** A group that waits, or an action without one. */
export interface UnitLoad {
  readonly members: number;
  /** Of a lone run's time, by prediction: of the longest member, and of all. */
  readonly longest: number;
  readonly sum: number;
  readonly shared: number;
}

/** What a unit takes, about, in so many jobs. */
export const timeOf = ({ longest, sum, shared }: UnitLoad, jobs: number): number =>
  together(longest, Math.max(longest, sum / jobs), shared);

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
 * What a unit claims: it is spread over jobs, or one job shares its work out.
 *
 * @param wide of its members the one that can use the most devices
 * @param apart whether no job gets a device beyond those that it needs
 */
export function claimOf(wide: ActionNode, load: UnitLoad, apart = false): Claim {
  const { resources } = wide.declaration;
  const { gpu } = resources;
  const most = gpusUpTo(resources);
  if (apart || most <= gpu) {
    const seconds = (devices: number): number => timeOf(load, Math.floor(devices / gpu));
    return { least: gpu, most: gpu * load.members, seconds };
  }
  const alone = timeOf(load, 1);
  return { least: gpu, most, seconds: (devices) => alone * sharedOutRatio(wide, devices) };
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
