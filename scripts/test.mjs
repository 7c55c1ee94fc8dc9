// `npm test`: formatting, types and lint, then the TypeScript and the Python tests, side by side
// where that pays. Needs nothing installed beforehand: aqm makes the Python environment itself.
import { bundle } from "./bundle.mjs";
import { environments, pythonStep } from "./python.mjs";
import { lint, perform, vitest } from "./steps.mjs";

await bundle();
const pythons = environments();
const python = pythons.modelopt;

// The longest first. In each environment run the tests that belong to it: see python/tests/conftest.py.
await perform([
  vitest("vitest", process.argv.slice(2), { AQM_TEST_PYTHON: python }),
  ...Object.entries(pythons).map(([name, interpreter]) =>
    pythonStep(`pytest, ${name}`, interpreter, ["pytest", "-q", "python/tests"]),
  ),
  ...lint(),
  pythonStep("ruff", python, ["ruff", "check", "python"]),
  pythonStep("ruff format", python, ["ruff", "format", "--check", "python"]),
]);
