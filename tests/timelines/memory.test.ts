import { runs } from "../rig/wide.ts";
import { IN_MEMORY } from "./families.ts";
import { familyTests } from "./run-family.ts";

/*
 * Random graphs, random histories, and a small pure model as the judge (see properties.ts for what is
 * judged). The engine's core is the real one; files, records and store are maps.
 */
familyTests(IN_MEMORY, "tests/timelines/memory.test.ts", runs);
