// Prints a line for each golden key that does not come out as it should here: under whatever Node,
// locale, time zone and folder this is run. Plain JavaScript over the bundled engine, so that no test
// runner has to work there. Arguments: the bundled key functions, the golden keys.
import { readFileSync } from "node:fs";

const [bundle, golden] = process.argv.slice(2);
const { actionKey } = await import(bundle);
const vectors = JSON.parse(readFileSync(golden, "utf8"));
const wrong = vectors.filter(({ key, action }) => actionKey(action) !== key);
for (const { says } of wrong) console.log(`another key: ${says}`);
console.log(`${vectors.length - wrong.length} of ${vectors.length} keys, ${process.version}`);
process.exitCode = wrong.length === 0 && vectors.length > 0 ? 0 : 1;
