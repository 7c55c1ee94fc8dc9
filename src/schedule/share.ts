/** How many of `count` equal members go into the next of so many jobs. */
export const evenShare = (count: number, jobs: number): number => Math.ceil(count / jobs);

/**
 * The same by predicted time, of members in their order. As many jobs are used as are worth it, each of them about
 * as long as the next, and none of them much shorter than `jobSeconds`. A member of which nothing is known counts
 * as one like the others; where nothing is known of any, only their number counts.
 */
export function timedShare(
  seconds: readonly (number | null)[],
  jobs: number,
  jobSeconds: number,
): number {
  const known = seconds.flatMap((one) => one ?? []);
  if (known.length === 0) return evenShare(seconds.length, jobs);
  const usual = known.reduce((sum, one) => sum + one, 0) / known.length;
  const total = usual * seconds.length;
  const worth = jobSeconds === 0 ? jobs : Math.floor(total / jobSeconds);
  const budget = total / Math.min(Math.max(1, worth), jobs);
  let [taken, count] = [0, 0];
  for (const one of seconds) {
    const next = one ?? usual;
    if (count > 0 && taken + next / 2 > budget) break;
    taken += next;
    count += 1;
  }
  return count;
}
