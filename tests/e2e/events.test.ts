import { afterEach, describe, expect, it } from "vitest";
import { checkedTypes } from "../rig/event-schema.ts";
import { FAKE_PYTHON, FakeRunners } from "../rig/fake-runners.ts";
import { WIDE } from "../rig/wide.ts";
import type { TestWorkspace } from "../rig/workspace.ts";
import { runnerWorkspace } from "./runner-workspace.ts";
import { textWorkspace } from "./text-workspace.ts";
import { variedWorkspace } from "./varied-workspace.ts";

/** Every line that real builds write for programs is an event of the schema that the package has. */
let workspace: TestWorkspace;
let runners: FakeRunners | null = null;
afterEach(() => {
  runners?.close();
  runners = null;
  workspace.remove();
});

const types = async (...args: readonly string[]): Promise<ReadonlySet<string>> =>
  checkedTypes((await workspace.aqm(["build", "--json", ...args])).stdout);

describe("the events of a build", () => {
  it("are of the schema where actions run, are fresh, fail, are blocked, restored and stale", async () => {
    workspace = textWorkspace();
    expect(await types()).toEqual(
      new Set(["build_started", "planned", "action_started", "action_settled", "build_finished"]),
    );
    expect(await types()).toContain("planned");
    // A process of its own finds nothing to do without loading the rest of aqm.
    const { stdout } = await workspace.start(["build", "--reporter", "json"]).finished;
    expect(checkedTypes(stdout)).toEqual(new Set(["build_finished"]));
    expect(await types("big/one.txt")).toContain("build_finished");
    workspace.write("poems/one.txt", "FORBIDDEN\n");
    workspace.edit("rules/ops/sign.ts", "--", "");
    expect(await types()).toContain("action_failed");
    workspace.write("poems/one.txt", "roses are red\n");
    workspace.edit("rules/ops/sign.ts", '"', '"--');
    workspace.write("out/joined.txt", "by hand\n");
    const restored = await workspace.build();
    expect(checkedTypes(restored.stdout)).toContain("action_settled");
    expect(restored.stdout).toContain('"restored"');
    workspace.remove();
    workspace = textWorkspace();
    expect(await types("--keep-going", "--jobs", "1")).toContain("build_finished");
    workspace.write("poems/two.txt", "FORBIDDEN\n");
    const failed = await workspace.build();
    expect(checkedTypes(failed.stdout)).toContain("action_blocked");
    expect(failed.code).toBe(1);
  });

  it.runIf(WIDE)(
    "are of the schema where what is edited by hand, missing or never declared is told",
    async () => {
      workspace = textWorkspace();
      const { rmSync } = await import("node:fs");
      rmSync(workspace.path("poems/one.txt"));
      const blocked = await workspace.build();
      expect(checkedTypes(blocked.stdout)).toContain("action_blocked");
      expect(blocked.stdout).toContain('"kind":"input_missing"');
      // A mistake in the Aqmfile is told on standard error, before any event.
      workspace.write("Aqmfile.ts", "export default 1;\n");
      const wrong = await workspace.aqm(["build", "--json"]);
      expect(wrong).toMatchObject({ code: 2, stdout: "" });
      expect(wrong.stderr).not.toBe("");
    },
  );

  it("are of the schema where runners work: phases, steps, warnings, batches, failures, Ctrl-C", async () => {
    workspace = runnerWorkspace({ cpu: 3, action: 'batch: { apart: ["n"] },' });
    runners = await FakeRunners.listen(workspace);
    const args = ["build", "--json", "--python", FAKE_PYTHON, "--jobs", "1"];
    const first = workspace.begin(args);
    const job = await runners.nextJob();
    job.send({ type: "phase", action: null, name: "load", total: null });
    job.send({ type: "phase", action: "cpu/1.txt", name: "score", total: 4 });
    job.send({ type: "step", action: "cpu/1.txt", done: 4 });
    job.send({ type: "warning", action: "cpu/2.txt", code: "odd", message: "worth knowing" });
    job.finish("cpu/1.txt");
    job.fail({ class: "gate_failed", reason: "non_finite_score", message: "It is no number." });
    job.exit(3);
    const failed = await first.finished;
    expect(failed.code).toBe(1);
    const seen = checkedTypes(failed.stdout);
    for (const type of [
      "batch_started",
      "batch_ended",
      "action_phase",
      "action_step",
      "action_warning",
      "action_failed",
      "action_blocked",
    ])
      expect(seen).toContain(type);

    const second = workspace.start(args);
    const interrupted = await runners.nextJob();
    second.kill("SIGINT");
    expect(await interrupted.signal()).toBe("SIGINT");
    interrupted.exit(130);
    const stopped = await second.finished;
    expect(stopped.code).toBe(130);
    expect(checkedTypes(stopped.stdout)).toContain("build_finished");
    expect(stopped.stdout).toContain('"outcome":"interrupted"');
  });

  it.runIf(WIDE)(
    "are of the schema in a sweep, whose combinations come after its end",
    async () => {
      workspace = variedWorkspace();
      const args = ["sweep", "setting.repeat=1,2", "--reporter", "json"];
      const { code, stdout } = await workspace.aqm(args);
      expect(code).toBe(0);
      expect(checkedTypes(stdout)).toContain("cells");
      expect(stdout.trim().split("\n").at(-1)).toContain('"type":"cells"');
    },
  );

  it.runIf(WIDE)("are of the schema while watching, with a page and a mistake", async () => {
    workspace = textWorkspace();
    const watching = workspace.start(["watch", "--serve", "--reporter", "json"]);
    await watching.event(({ type }) => type === "waiting");
    workspace.write("Aqmfile.ts", "export default 1;\n");
    await watching.event(({ type }) => type === "failure");
    watching.kill("SIGINT");
    const { code, stdout } = await watching.finished;
    expect(code).toBe(130);
    const seen = checkedTypes(stdout);
    for (const type of ["serving", "looking", "waiting", "failure"]) expect(seen).toContain(type);
  });
});
