// `npm run test:engines`: the slow tests that `npm test` has a representative of. docs/testing.md has a
// table. CI runs them after `npm test`.
import { bundle } from "./bundle.mjs";
import { environments, pytest } from "./python.mjs";
import { perform, suites, vitest } from "./steps.mjs";

await bundle();
const pythons = environments();
const { projects, marks } = suites.engines;
await perform([
  vitest("vitest", projects, process.argv.slice(2), {
    AQM_TEST_PYTHON: pythons.modelopt,
    AQM_WIDE: "1",
  }),
  ...pytest(pythons, marks),
]);
