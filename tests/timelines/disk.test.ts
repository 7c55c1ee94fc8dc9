import { describe, expect, it } from "vitest";
import { ON_DISK } from "./families.ts";
import { playMany, playOnce, regressionsOf } from "./run-family.ts";

/*
 * The same timelines on real files, with everything that caches and takes short cuts: stat cache, store,
 * records, publication, the snapshot of freshness. Only time is bent (see times.ts).
 */
// Not by each(…), which cuts long names short: they are to be named with -t.
describe.for(ON_DISK.map((family) => [family.name, family] as const))(
  "timelines: %s",
  ([, family]) => {
    it("hold", () => playMany(family, "tests/timelines/disk.test.ts"), 3_600_000);

    it.each(regressionsOf(family))("still hold after: $says", async ({ timeline }) => {
      expect((await playOnce(family, timeline)).problems).toEqual([]);
    });
  },
);
