import { describe, expect, it } from "vitest";
import { IN_MEMORY } from "./families.ts";
import { playMany, playOnce, regressionsOf } from "./run-family.ts";

/*
 * Random graphs, random histories, and a small pure model as the judge (see properties.ts for what is
 * judged). The engine's core is the real one; files, records and store are maps.
 */
// Not by each(…), which cuts long names short: they are to be named with -t.
describe.for(IN_MEMORY.map((family) => [family.name, family] as const))(
  "timelines: %s",
  ([, family]) => {
    it("hold", () => playMany(family, "tests/timelines/memory.test.ts"), 3_600_000);

    it.each(regressionsOf(family))("still hold after: $says", async ({ timeline }) => {
      expect((await playOnce(family, timeline)).problems).toEqual([]);
    });
  },
);
