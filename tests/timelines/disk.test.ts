import { describe, expect, it } from "vitest";
import { ON_DISK } from "./families.ts";
import { playMany, playOnce, regressionsOf } from "./run-family.ts";

/*
 * The same timelines on real files, with everything that caches and takes short cuts: stat cache, store,
 * records, publication, the snapshot of freshness. Only time is bent (see times.ts).
 */
describe.each(ON_DISK)("timelines: $name", (family) => {
  it("hold", () => playMany(family, "tests/timelines/disk.test.ts"), 3_600_000);

  it.each(regressionsOf(family))("still hold after: $says", async ({ timeline }) => {
    expect((await playOnce(family, timeline)).problems).toEqual([]);
  });
});
