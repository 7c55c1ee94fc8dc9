/** Targets that are skipped for one reason. */
export interface SkippedGroup {
  readonly because: string;
  readonly count: number;
}

/** Path → why it is skipped, folded by reason, in the order in which the reasons come first. */
export function groupSkipped(skipped: ReadonlyMap<string, string>): readonly SkippedGroup[] {
  const counts = new Map<string, number>();
  for (const because of skipped.values()) counts.set(because, (counts.get(because) ?? 0) + 1);
  return [...counts].map(([because, count]) => ({ because, count }));
}
