// `npm test`: formatting, types and lint, then the TypeScript and the Python tests, side by side
// where that pays. Needs nothing installed beforehand: aqm makes the Python environment itself.
import { bundle } from "./bundle.mjs";
import { environments, pythonStep } from "./python.mjs";
import { lint, perform, vitest } from "./steps.mjs";

await bundle();
const pythons = environments();
const python = pythons.modelopt;

// Two lanes, since a small machine has two cores: the quick checks and pytest beside vitest.
await perform(
  [vitest("vitest", process.argv.slice(2), { AQM_TEST_PYTHON: python })],
  [
    // In each environment the tests that belong to it: see python/tests/conftest.py.
    ...Object.entries(pythons).map(([name, interpreter]) =>
      pythonStep(`pytest, ${name}`, interpreter, ["pytest", "-q", "python/tests"]),
    ),
    pythonStep("ruff", python, ["ruff", "check", "python"]),
    pythonStep("ruff format", python, ["ruff", "format", "--check", "python"]),
    ...lint(),
  ],
);
