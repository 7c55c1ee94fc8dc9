import { runs } from "../rig/wide.ts";
import { ON_DISK } from "./families.ts";
import { familyTests } from "./run-family.ts";

/*
 * The same timelines on real files, with everything that caches and takes short cuts: stat cache, store,
 * records, publication, the snapshot of freshness. Only time is bent (see times.ts).
 */
familyTests(ON_DISK, "tests/timelines/disk.test.ts", runs);
