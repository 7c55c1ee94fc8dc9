import * as fs from "node:fs";
import { delimiter } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { FAKE_PYTHON, FakeRunners } from "../rig/fake-runners.ts";
import { isGone } from "../rig/processes.ts";
import type { TestWorkspace } from "../rig/workspace.ts";
import { runnerWorkspace } from "./runner-workspace.ts";

/* The environment of actions on GPUs is made while their input is. */

let workspace: TestWorkspace;
let runners: FakeRunners;

beforeEach(async () => {
  workspace = runnerWorkspace();
  workspace.write(
    "Aqmfile.ts",
    `import { action, build, committed, environment, file, from, pythonOp } from "aqm";
const files = { requirements: "fake.in", lock: "fake.lock" };
const data = action({
  op: pythonOp("work", environment({ name: "here", ...files })), params: { n: 0 },
  inputs: { source: file("source.txt") },
  outputs: { text: committed("data.txt") }, resources: { cpu: 1 },
});
const score = action({
  op: pythonOp("work", environment({ name: "made", ...files })), params: { n: 1 },
  inputs: { source: from(data, "text") },
  outputs: { text: committed("score.txt") }, resources: { gpu: 1 },
});
export default build([score]);
`,
  );
  // An installation that takes until somebody ends it.
  workspace.write(".bin/uv", `#!/bin/sh\necho $$ > "${workspace.path(".uv")}"\nexec sleep 1000\n`);
  fs.chmodSync(workspace.path(".bin/uv"), 0o755);
  runners = await FakeRunners.listen(workspace);
});

afterEach(() => {
  runners.close();
  workspace.remove();
});

const env = (): Record<string, string> => ({
  AQM_GPU_LEASES: workspace.path(".run"),
  AQM_CACHE: workspace.path(".cache"),
  PATH: [workspace.path(".bin"), process.env["PATH"] ?? ""].join(delimiter),
});
const ARGS = ["build", "--json", "--python", `here=${FAKE_PYTHON}`, "--gpus", "0"];

async function installer(): Promise<number> {
  const read = (): number => (workspace.exists(".uv") ? Number(workspace.read(".uv")) : 0);
  await vi.waitUntil(() => read() > 0, { timeout: 10_000 });
  return read();
}

it("is not made any longer, nor waited for, when the input has failed", async () => {
  const running = workspace.start(ARGS, { env: env() });
  const data = await runners.nextJob();
  const pid = await installer();
  data.fail({ class: "gate_failed", reason: "bad", message: "it is bad" });
  data.exit(3);
  expect((await running.finished).code).toBe(1);
  expect(isGone(pid)).toBe(true);
});
