import { afterEach, describe, expect, it } from "vitest";
import { FAKE_PYTHON, FakeRunners } from "../rig/fake-runners.ts";
import type { Running, TestWorkspace } from "../rig/workspace.ts";
import { runnerWorkspace } from "./runner-workspace.ts";
import { textWorkspace } from "./text-workspace.ts";

let workspace: TestWorkspace;
let running: Running;
afterEach(async () => {
  running.kill("SIGINT");
  expect((await running.finished).code).toBe(130);
  workspace.remove();
});

/** The n-th time that the watcher says it is waiting for changes. */
function watching(times: number): Promise<unknown> {
  let seen = 0;
  const counted = new Set<number>();
  return running.event((event) => {
    const { seq } = event as unknown as { seq: number };
    if (event.type === "waiting" && !counted.has(seq)) {
      counted.add(seq);
      seen += 1;
    }
    return seen >= times;
  });
}

describe("aqm watch", () => {
  it("rebuilds what an edit leads to, survives a syntax error, and picks up after it", async () => {
    workspace = textWorkspace();
    running = workspace.start(["watch", "--reporter", "json"]);
    await watching(1);
    expect(workspace.read("out/length.txt")).toBe("37\n");

    workspace.write("poems/one.txt", "roses are redder\n");
    await watching(2);
    expect(workspace.read("out/length.txt")).toBe("40\n");

    workspace.write("Aqmfile.ts", `${workspace.read("Aqmfile.ts")}\n)`);
    await running.event(
      (event) => event.type === "failure" && event.failure.reason === "aqmfile_syntax",
    );
    await watching(3);
    workspace.write("Aqmfile.ts", workspace.read("Aqmfile.ts").replace(/\n\)$/, ""));
    await watching(4);

    workspace.edit("rules/ops/count.ts", "length +", "length * 2 +");
    await watching(5);
    expect(workspace.read("out/length.txt")).toBe("80\n");
  });

  it("holds GPU work back as a debt and does the cheap work", async () => {
    workspace = runnerWorkspace({ cpu: 1, gpu: 1 });
    const runners = await FakeRunners.listen(workspace);
    const args = ["watch", "--reporter", "json", "--python", FAKE_PYTHON, "--gpus", "0"];
    running = workspace.start(args, { env: { AQM_GPU_LEASES: workspace.path(".run") } });
    const job = await runners.nextJob();
    expect(job.target).toBe("cpu/1.txt");
    job.succeed();
    const debt = await running.event(
      (event) => event.type === "notice" && event.message.startsWith("GPU debt"),
    );
    expect(debt).toMatchObject({ message: expect.stringContaining("gpu/1.txt") as unknown });
    await watching(1);
    expect(runners.untaken).toBe(0);
    runners.close();
  });
});
