// `npm test`: types, the TypeScript and the Python tests, side by side where that pays. Needs nothing installed beforehand: aqm makes the Python environments itself.
import { bundle } from "./bundle.mjs";
import { environments, pytest, pythonStep } from "./python.mjs";
import { oxlint, perform, suites, vitest } from "./steps.mjs";

await bundle();
const pythons = environments();
const python = pythons.modelopt;
const { projects, marks } = suites.test;

// The longest first. In each environment run the tests that belong to it: see python/tests/conftest.py.
await perform([
  vitest("vitest", projects, process.argv.slice(2), { AQM_TEST_PYTHON: python }),
  ...pytest(pythons, marks),
  oxlint(),
  pythonStep("ruff", python, ["ruff", "check", "python"]),
  pythonStep("ruff format", python, ["ruff", "format", "--check", "python"]),
]);
