import * as fs from "node:fs";
import { execFileSync } from "node:child_process";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { join } from "node:path";
import { FakeRunners } from "../rig/fake-runners.ts";
import { REPOSITORY, type Running, type TestWorkspace } from "../rig/workspace.ts";
import { WIDE } from "../rig/wide.ts";
import { runnerWorkspace } from "./runner-workspace.ts";

/* What an environment prepares for a kind of machine, before its first GPU action. */

let workspace: TestWorkspace;
let runners: FakeRunners;

/** Runs what `.prepare.mjs` says for the module, and is a fake runner for everything else. */
const PYTHON = `#!/bin/sh
if [ "$2" = "tools.prepare" ]; then shift 2; exec "${process.execPath}" .prepare.mjs "$@"; fi
exec "${process.execPath}" "${join(REPOSITORY, "tests/rig/fake-python.mjs")}" "$@"
`;
const GOOD = `import { appendFileSync } from "node:fs";
appendFileSync("prepared.txt", process.env.CUDA_VISIBLE_DEVICES + " " + process.env.KERNELS + "\\n");
appendFileSync("words.txt", JSON.stringify(process.argv.slice(2)) + "\\n");
console.log("compiling 1 of 2");
`;
const ENVIRONMENT =
  'caches: { KERNELS: "kernels" }, prepare: { module: "tools.prepare", gpu: true },';

beforeEach(() => begin({ gpu: 2, cpu: 1 }));
afterEach(end);

async function begin(of: Parameters<typeof runnerWorkspace>[0]): Promise<void> {
  workspace = runnerWorkspace({ ...of, environment: ENVIRONMENT });
  workspace.write("python.sh", PYTHON);
  fs.chmodSync(workspace.path("python.sh"), 0o755);
  workspace.write(".prepare.mjs", GOOD);
  workspace.write("python/tools/prepare.py", "# one\n");
  runners = await FakeRunners.listen(workspace);
}

function end(): void {
  runners.close();
  workspace.remove();
}

const build = (env: Readonly<Record<string, string>> = {}, gpus = "0"): Running =>
  workspace.start(["build", "--json", "--python", workspace.path("python.sh"), "--gpus", gpus], {
    env: {
      AQM_GPU_LEASES: workspace.path(".run"),
      AQM_CACHE: workspace.path(".cache"),
      ...env,
    },
  });
const times = (): number => workspace.read("prepared.txt").trimEnd().split("\n").length;

async function succeed(running: Running, jobs: number): Promise<void> {
  for (let job = 0; job < jobs; job++) (await runners.nextJob()).succeed();
  expect((await running.finished).code).toBe(0);
}

it.runIf(WIDE)(
  "is done once, with the device and the folder that ops get, and kept for later builds",
  async () => {
    const first = build();
    await succeed(first, 3);
    const { stdout } = await first.finished;
    expect(stdout).toContain('"state":"preparing","message":"compiling 1 of 2"');
    const [line] = workspace.read("prepared.txt").split("\n");
    expect(line).toMatch(/^0 .*\/\.cache\/environments\/named-[0-9a-f]{16}\/gpu\/kernels$/);
    expect(times()).toBe(1);

    workspace.write("source.txt", "another\n");
    await succeed(build(), 3);
    expect(times()).toBe(1);

    workspace.write("source.txt", "a third\n");
    workspace.write("python/tools/prepare.py", "# two\n"); // it does something else now
    await succeed(build(), 3);
    expect(times()).toBe(2);

    workspace.write("source.txt", "a fourth\n");
    await succeed(build({ KERNELS: workspace.path("mine") }), 3);
    expect(workspace.read("prepared.txt").split("\n")[2]).toBe(`0 ${workspace.path("mine")}`);
    expect((await build().finished).stdout).toContain('"ran":0');
  },
);

describe("what actions say that they need of it", () => {
  const words = (): unknown[] =>
    workspace
      .read("words.txt")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown);
  const another = async (of: Parameters<typeof runnerWorkspace>[0]): Promise<void> => {
    end();
    await begin(of);
  };

  it("is prepared when the first of them comes, and each word once", async () => {
    const needs = '[["fp8"], ["fp8", "int8"], ["int8"], [], undefined, ["int8"]][n - 1]';
    await another({ gpu: 6, action: `prepares: ${needs},` });
    await succeed(build(), 6);
    const all: string[] = [];
    expect(words()).toEqual([["fp8"], ["fp8", "int8"], all]);
    workspace.write("source.txt", "another\n");
    await succeed(build(), 6);
    expect(words()).toHaveLength(3);
    workspace.write("python/tools/prepare.py", "# two\n");
    workspace.write("source.txt", "a third\n");
    await succeed(build(), 6);
    expect(words().slice(3)).toEqual([["fp8"], ["fp8", "int8"], all]);
  });

  it("is not begun any more when the build is interrupted", async () => {
    await another({ gpu: 2, action: 'prepares: ["w" + n],' });
    execFileSync("mkfifo", [workspace.path(".go")]);
    const waits = `${GOOD}import { readFileSync } from "node:fs"; readFileSync(".go");\n`;
    workspace.write(".prepare.mjs", waits);
    const running = build({}, "0,1");
    await running.event((event) => JSON.stringify(event).includes("compiling 1 of 2"));
    running.kill("SIGINT");
    expect((await running.finished).code).toBe(130);
    expect(words()).toHaveLength(1);
  });

  it("is put together for the members of a batch", async () => {
    await another({ gpu: 3, action: 'batch: { apart: ["n"] }, prepares: ["b", "a" + (n % 2)],' });
    await succeed(build(), 1);
    expect(words()).toEqual([["a0", "a1", "b"]]);
  });
});

it.runIf(WIDE)(
  "fails clearly, before any GPU action starts, and is tried again by the next build",
  async () => {
    workspace.write(".prepare.mjs", 'console.error("no compiler"); process.exit(3);');
    const failing = build();
    const event = await failing.event(({ type }) => type === "action_failed");
    expect(event).toMatchObject({
      failure: {
        reason: "environment_failed",
        message:
          "Preparing the Python environment fake for this machine failed: tools.prepare ended with code 3",
        cause: "no compiler",
        log: ".aqm/logs/prepare-fake.log",
      },
    });
    const job = await runners.nextJob();
    expect(job.target).toBe("cpu/1.txt");
    job.succeed();
    expect((await failing.finished).code).toBe(1);
    expect(workspace.exists("gpu/1.txt")).toBe(false);
    workspace.write(".prepare.mjs", GOOD);
    await succeed(build(), 2);
    expect(times()).toBe(1);
  },
);

it("names an interpreter that prints more than it is asked for", async () => {
  workspace.write("python.sh", PYTHON.replace("#!/bin/sh\n", "#!/bin/sh\necho welcome\n"));
  const { code, stdout } = await build().finished;
  expect(code).toBe(1);
  expect(stdout).toContain("does not say what it has: it prints");
  expect(stdout).not.toContain("internal");
});

it("lasts while the runner of the first job imports already", async () => {
  execFileSync("mkfifo", [workspace.path(".go")]);
  workspace.write(
    ".prepare.mjs",
    `${GOOD}import { readFileSync } from "node:fs"; readFileSync(".go");\n`,
  );
  const running = build();
  const [ahead] = await runners.ahead(1);
  const onCpu = await runners.nextJob();
  expect(onCpu.devices).toBe("");
  onCpu.succeed();
  expect(runners.untaken).toBe(0); // no job on the device before the kernels are there
  workspace.write(".go", "");
  const first = await runners.nextJob();
  expect(first.pid).toBe(ahead?.pid);
  first.succeed();
  await succeed(running, 1);
});

it("goes on where no runner can start, and then the job says why", async () => {
  fs.rmSync(workspace.path("python/aqm_runner/schemas"), { recursive: true });
  const { code, stdout } = await build().finished;
  expect(code).toBe(1);
  expect(stdout).toMatch(
    /"target":"gpu\/1.txt","failure":.*The Python process could not be started/,
  );
});

it("leaves the device to an idle runner of another environment when it fails, and waits for nobody's end", async () => {
  workspace.write(
    "Aqmfile.ts",
    `import { action, build, committed, environment, file, from, pythonOp } from "aqm";
const files = { requirements: "fake.in", lock: "fake.lock" };
const other = environment({ name: "other", ...files });
const prepared = environment({ name: "fake", ...files, prepare: { module: "tools.prepare", gpu: true } });
const made = (where, n, source) =>
  action({ op: pythonOp("work", where), params: { n }, inputs: { source }, outputs: { text: committed(n + ".txt") }, resources: { gpu: 1 } });
const first = made(other, 1, file("source.txt"));
export default build([made(prepared, 2, from(first, "text"))]);
`,
  );
  workspace.write(".prepare.mjs", "process.exit(3);");
  const running = build();
  (await runners.nextJob()).succeed();
  await running.event((event) => event.type === "environment" && event.state === "preparing");
  const start = performance.now();
  await running.event(({ type }) => type === "action_failed");
  expect(performance.now() - start).toBeLessThan(5_000); // an end is waited for twice as long
  expect((await running.finished).code).toBe(1);
});
