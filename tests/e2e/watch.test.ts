import * as fs from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { FAKE_PYTHON, FakeRunners } from "../rig/fake-runners.ts";
import type { BuildEvent } from "../../src/model/event.ts";
import { TestWorkspace, type RunOptions, type Running } from "../rig/workspace.ts";
import { runnerWorkspace } from "./runner-workspace.ts";
import { textWorkspace } from "./text-workspace.ts";
import { WIDE } from "../rig/wide.ts";

let workspace: TestWorkspace;
let running: Running;
let isRunning = false;
const start = (args: readonly string[], options: RunOptions = {}): void => {
  running = workspace.start(args, options);
  isRunning = true;
};
afterEach(async () => {
  if (isRunning) {
    isRunning = false;
    running.kill("SIGINT");
    expect((await running.finished).code).toBe(130);
  }
  workspace.remove();
});

/** The n-th event of a kind; what was heard before is heard again at each look. */
function nth(times: number, fits: (event: BuildEvent) => boolean): Promise<BuildEvent> {
  const counted = new Set<number>();
  return running.event((event) => {
    if (fits(event)) counted.add(numberOf(event));
    return fits(event) && counted.size === times;
  });
}

const numberOf = (event: BuildEvent): number => (event as unknown as { seq: number }).seq;

/** The n-th time that it waits for changes. */
const watching = (times: number): Promise<unknown> => nth(times, ({ type }) => type === "waiting");

/** One action that adds up the lengths of so many files. */
function manySources(count: number): TestWorkspace {
  const sources = Array.from({ length: count }, (_, index) => [`in/${index}.txt`, "1"]);
  return TestWorkspace.create({
    ...(Object.fromEntries(sources) as Record<string, string>),
    "rules/ops/sum.ts": `import { ok, type OpCall, type OpFailure, type OpOutputs, type Result } from "aqm";
export const version = 1;
export function run({ inputs }: OpCall<object, string>): Result<OpOutputs<"sum">, OpFailure> {
  return ok({ sum: String(Object.values(inputs).reduce((sum, input) => sum + input.text().length, 0)) });
}
`,
    "Aqmfile.ts": `import { action, build, committed, file, typescriptOp } from "aqm";
const op = typescriptOp<typeof import("./rules/ops/sum.ts")>("rules/ops/sum.ts");
const inputs = Object.fromEntries(Array.from({ length: ${count} }, (_, at) => ["n" + at, file("in/" + at + ".txt")]));
export default build([action({ op, params: {}, inputs, outputs: { sum: committed("sum.txt") } })]);
`,
  });
}

describe("aqm watch", () => {
  it("rebuilds what an edit leads to, survives a syntax error, and picks up after it", async () => {
    workspace = textWorkspace();
    start(["watch", "--reporter", "json"]);
    await watching(1);
    expect(workspace.read("out/length.txt")).toBe("37\n");

    // It also looks when its own outputs come, so what it did is counted and not how often it looked.
    const ran = (times: number): Promise<BuildEvent> =>
      nth(
        times,
        (event) =>
          event.type === "action_settled" &&
          event.verdict === "ran" &&
          event.target === "out/length.txt",
      );
    workspace.write("poems/one.txt", "roses are redder\n");
    await ran(2);
    expect(workspace.read("out/length.txt")).toBe("40\n");

    workspace.write("Aqmfile.ts", `${workspace.read("Aqmfile.ts")}\n)`);
    const failed = await running.event(
      (event) => event.type === "failure" && event.failure.reason === "aqmfile_syntax",
    );
    const later = (event: BuildEvent): boolean => numberOf(event) > numberOf(failed);
    await running.event((event) => later(event) && event.type === "waiting");
    workspace.write("Aqmfile.ts", workspace.read("Aqmfile.ts").replace(/\n\)$/, ""));
    await nth(2, (event) => later(event) && event.type === "waiting");
    const told = (message: string): Promise<BuildEvent> =>
      running.event((one) => later(one) && one.type === "notice" && one.message === message);
    await told("the mistake is mended");
    await told("all 4 actions are fresh");

    workspace.edit("rules/ops/count.ts", "length +", "length * 2 +");
    await ran(3);
    expect(workspace.read("out/length.txt")).toBe("80\n");
  });

  it.runIf(WIDE)(
    "notices a deleted output at once, also with the folder that it was in",
    async () => {
      workspace = textWorkspace();
      start(["watch", "--reporter", "json"]);
      await watching(1);
      const restored = (target: string): Promise<unknown> =>
        running.event(
          (event) =>
            event.type === "action_settled" &&
            event.verdict === "restored" &&
            event.target === target,
        );
      fs.rmSync(workspace.path("out/joined.txt"));
      await restored("out/joined.txt");
      expect(workspace.read("out/joined.txt")).toContain("ROSES");
      fs.rmSync(workspace.path("out"), { recursive: true });
      await restored("out/length.txt");
      expect(workspace.read("out/length.txt")).toBe("37\n");
    },
  );

  it.runIf(WIDE)("does one build for a burst of 1,000 changed files", async () => {
    workspace = manySources(1000);
    start(["watch", "--reporter", "json"]);
    await watching(1);
    expect(workspace.read("sum.txt")).toBe("1000");
    running.kill("SIGSTOP"); // so that all of them are there when it looks, however slow this machine is
    for (let index = 0; index < 1000; index++) workspace.write(`in/${index}.txt`, "22");
    running.kill("SIGCONT");
    const after = await nth(2, ({ type }) => type === "build_finished");
    expect(after).toMatchObject({ ran: 1, exitCode: 0 });
    expect(workspace.read("sum.txt")).toBe("2000");
    // It looks once more, as its own output came; then all is quiet.
    const later = (event: BuildEvent): boolean => numberOf(event) > numberOf(after);
    await nth(2, (event) => later(event) && event.type === "waiting");
    running.kill("SIGINT");
    const { stdout } = await running.finished;
    expect(stdout.match(/"type":"build_started"/g)).toHaveLength(2);
  });

  it.runIf(WIDE)("holds GPU work back as a debt and does the cheap work", async () => {
    workspace = runnerWorkspace({ cpu: 1, gpu: 1 });
    const runners = await FakeRunners.listen(workspace);
    const args = ["watch", "--reporter", "json", "--python", FAKE_PYTHON, "--gpus", "0"];
    start(args, { env: { AQM_GPU_LEASES: workspace.path(".run") } });
    const job = await runners.nextJob();
    expect(job.target).toBe("cpu/1.txt");
    job.succeed();
    const debt = await running.event(({ type }) => type === "debt");
    expect(debt).toMatchObject({ targets: ["gpu/1.txt"], cost: "1 never timed" });
    await watching(1);
    expect(runners.untaken).toBe(0);
    runners.close();
  });

  it.runIf(WIDE)("runs a Python op again after an edit of its declaration alone", async () => {
    workspace = runnerWorkspace({ cpu: 1 });
    const runners = await FakeRunners.listen(workspace);
    start(["watch", "--reporter", "json", "--python", FAKE_PYTHON]);
    (await runners.nextJob()).succeed();
    await watching(1);
    workspace.edit("python/aqm_runner/ops/work.json", '"version":1', '"version":2');
    const again = await runners.nextJob();
    expect(again.request).toMatchObject({ actions: [{ op: "work", version: 2 }] });
    again.succeed();
    await nth(2, ({ type }) => type === "action_settled");
    runners.close();
  });

  it.runIf(WIDE)(
    "sees links to code and sources that are set anew, go and come, and edits behind them",
    async () => {
      workspace = textWorkspace();
      workspace.edit("Aqmfile.ts", ', { obtain: "write a poem" }', ""); // or their absence is no trouble
      const behind = (folder: string, first: string, second: string): void => {
        fs.renameSync(workspace.path(folder), workspace.path(first));
        fs.cpSync(workspace.path(first), workspace.path(second), { recursive: true });
        fs.symlinkSync(first, workspace.path(folder));
      };
      const setLink = (path: string, to: string): void => {
        fs.symlinkSync(to, workspace.path("new-link"));
        fs.renameSync(workspace.path("new-link"), workspace.path(path));
      };
      behind("rules", "rules-1", "rules-2");
      behind("poems", "poems-1", "poems-2");
      workspace.edit("rules-2/ops/sign.ts", "--", "==");
      workspace.write("poems-2/one.txt", "roses are redder\n");
      start(["watch", "--reporter", "json"]);
      await watching(1);

      let times = 1;
      const shows = async (text: string): Promise<void> => {
        times += 1;
        await nth(
          times,
          (event) =>
            event.type === "action_settled" &&
            event.verdict !== "fresh" &&
            event.target === "out/joined.txt",
        );
        expect(workspace.read("out/joined.txt")).toContain(text);
      };
      setLink("rules", "rules-2");
      await shows("==");
      workspace.edit("rules-2/ops/sign.ts", "==", "++");
      await shows("++");
      setLink("poems", "poems-2");
      await shows("ROSES ARE REDDER");
      fs.appendFileSync(workspace.path("poems-2/one.txt"), "and blue\n");
      await shows("AND BLUE");
      fs.rmSync(workspace.path("poems"));
      await running.event(({ type }) => type === "action_blocked");
      workspace.write("poems-1/one.txt", "roses are white\n");
      setLink("poems", "poems-1");
      await shows("ROSES ARE WHITE");
    },
  );

  it.runIf(WIDE)("says first whether all is fresh", async () => {
    workspace = textWorkspace();
    await workspace.build();
    start(["watch", "--reporter", "json"]);
    const waiting = (await watching(1)) as BuildEvent;
    const said = await running.event(({ type }) => type === "notice");
    expect(said).toMatchObject({ message: "all 4 actions are fresh" });
    expect(numberOf(said)).toBeLessThan(numberOf(waiting));
  });

  it("ends where no rule makes what it is asked for, and says so once", async () => {
    workspace = textWorkspace();
    const { code, stdout, stderr } = await workspace.aqm(["watch", "nope"]);
    expect(code).toBe(2);
    expect((stdout + stderr).match(/No rule makes nope/g)).toHaveLength(1);
  });
});
