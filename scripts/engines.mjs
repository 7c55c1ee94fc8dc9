// `npm run test:engines`: the slow tests that `npm test` has a representative of. docs/testing.md has a
// table. CI runs them after `npm test`.
import { bundle } from "./bundle.mjs";
import { environments, pytest } from "./python.mjs";
import { perform, suites, vitest } from "./steps.mjs";

await bundle();
const { projects, marks, environments: large } = suites.engines;
const pythons = environments(large);
await perform([
  vitest("vitest", projects, process.argv.slice(2), {
    AQM_TEST_PYTHON: pythons.modelopt,
    AQM_WIDE: "1",
  }),
  ...pytest(pythons, marks),
]);
