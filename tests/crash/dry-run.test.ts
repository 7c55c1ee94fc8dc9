import * as fs from "node:fs";
import { describe, expect, it } from "vitest";
import type { Cause } from "../../src/model/verdict.ts";
import { sample, WIDE } from "../rig/wide.ts";
import { CrashWorkspace } from "./crash-workspace.ts";

interface PlanJson {
  readonly actions: readonly { target: string; verdict: string; causes: readonly Cause[] }[];
  readonly unfinished: readonly string[];
}

/** P4 where a publication was interrupted: the plan is made on what recovery will leave. */
describe("a dry run after a crash while publishing", () => {
  it.each(
    sample([
      ["before the first rename", "before"],
      ["after the first rename", "after"],
    ] as const),
  )("%s plans what the next build does, and changes nothing", async (_what, mode) => {
    const workspace = await CrashWorkspace.edited();
    await workspace.faulty({ mode, at: 1, only: "out/pages" });
    expect(workspace.intents()).toEqual(["out/pages"]);
    const before = workspace.outputs();

    const { code, stdout } = await workspace.files.aqm(["build", "--dry-run", "--json"]);
    expect(code).toBe(0);
    const plan = JSON.parse(stdout) as PlanJson;
    expect(plan.unfinished).toEqual(["out/pages"]);
    expect(plan.actions.find(({ target }) => target === "out/pages")?.verdict).toBe("fresh");
    expect(workspace.outputs()).toEqual(before);
    expect(workspace.intents()).toEqual(["out/pages"]);
    const text = await workspace.files.aqm(["build", "--dry-run"]);
    expect(text.stdout).toContain("notice   publishing out/pages was interrupted");
    // No snapshot may say "fresh" of what is only going to be.
    for (let look = 0; look < 3; look++) {
      const pages = await workspace.files.aqm(["build", "out/pages", "--dry-run"]);
      expect(pages.stdout).toMatch(/^notice .*\n0 to run, 1 fresh\n$/);
    }

    const { ran } = await workspace.build();
    const sure = plan.actions
      .filter(({ verdict }) => verdict === "run")
      .map(({ target }) => target);
    const open = plan.actions
      .filter(({ verdict }) => verdict === "unknown")
      .map(({ target }) => target);
    expect(ran.filter((target) => !open.includes(target)).sort()).toEqual([...sure].sort());
    workspace.remove();
  });

  it.runIf(WIDE)("that cannot be finished says so by planning to run it again", async () => {
    const workspace = await CrashWorkspace.edited();
    await workspace.faulty({ mode: "before", at: 1, only: "out/pages" });
    fs.rmSync(workspace.files.path(".aqm/stage"), { recursive: true });
    const { stdout } = await workspace.files.aqm(["build", "--dry-run", "--json"]);
    const plan = JSON.parse(stdout) as PlanJson;
    expect(plan.actions.find(({ target }) => target === "out/pages")?.verdict).toBe("run");
    expect((await workspace.build()).ran).toContain("out/pages");
    workspace.remove();
  });
});
