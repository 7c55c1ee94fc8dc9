import { expect, it } from "vitest";
import { verifyText } from "../../src/cli/views/verify-view.ts";
import type { CheckedFile, Verification } from "../../src/host/observe/verify.ts";
import { NO_COLOURS } from "../../src/ui/reporter.ts";

const file = (path: string, state: CheckedFile["state"]): CheckedFile => ({
  ...{ role: path, path, state, recorded: null, found: null },
});
const lacking = (target: string, ...outputs: readonly CheckedFile[]): Verification => ({
  ...{ target, state: "missing_local_output", key: null, outputs, inputs: [] },
});
const firstLine = (verification: Verification): string =>
  verifyText([verification], [], NO_COLOURS).split("\n")[0] ?? "";

it("names the outputs that are not here, and not the target that is here", () => {
  const scheme = file("out/scheme.json", "verified");
  const weights = file("out/weights.bin", "absent");
  expect(firstLine(lacking("out/scheme.json", scheme, weights))).toBe(
    "missing local output out/weights.bin, made with out/scheme.json",
  );
  expect(firstLine(lacking("out/weights.bin", weights, file("out/log.txt", "absent")))).toBe(
    "missing local output out/weights.bin, out/log.txt",
  );
});
