// `npm run check`: formatting, types and rules, and the tests that need no process, no browser and no
// Python. `npm run lint`, for CI, is the first part by ESLint and tsc themselves.
import { parseArgs } from "node:util";
import { lint, oxlint, perform, prettier, suites, vitest } from "./steps.mjs";

const { values: options } = parseArgs({ options: { lint: { type: "boolean" } } });
const { projects } = suites.check;
const tests = vitest("vitest", projects, [], { AQM_TESTS_OF: "check" });
await perform(options.lint ? lint() : [tests, prettier(), oxlint()]);
