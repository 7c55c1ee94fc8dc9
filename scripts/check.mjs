// `npm run check`: formatting, types, lint, and the tests that need no process, no browser and no
// Python. `npm run lint` is the same without the tests.
import { parseArgs } from "node:util";
import { lint, perform, vitest } from "./steps.mjs";

const { values: options } = parseArgs({ options: { lint: { type: "boolean" } } });
const [slowest, ...others] = lint();
const tests = options.lint ? [] : [vitest("vitest", ["check"])];
await perform([slowest, ...tests, ...others]);
