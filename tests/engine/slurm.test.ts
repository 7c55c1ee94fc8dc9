import { describe, expect, it } from "vitest";
import { batchScript, environmentFile, submitOptions } from "../../src/host/slurm/job-script.ts";
import { clusterOf, slurmOffer, timeLimit } from "../../src/host/slurm/settings.ts";
import { endingOf, phaseOf, plainState } from "../../src/host/slurm/states.ts";
import type { ActionDeclaration } from "../../src/model/declaration.ts";
import { slurmSeconds } from "../../src/model/slurm.ts";
import { worthwhile } from "../../src/schedule/share.ts";
import { checkSlurm } from "../../src/declare/check-slurm.ts";

const action = (more: Partial<ActionDeclaration> = {}): ActionDeclaration => ({
  op: { runtime: "python", name: "score", environment: "e" },
  params: {},
  inputs: {},
  outputs: {},
  resources: { cpu: 1, gpu: 1 },
  ...more,
});

describe("times as Slurm writes them", () => {
  it.each([
    ["30", 1800],
    ["04:00", 240],
    ["04:00:00", 14_400],
    ["1-12", 129_600],
    ["1-00:30", 88_200],
    ["1-00:00:10", 86_410],
  ])("%s is %i s", (text, seconds) => expect(slurmSeconds(text)).toBe(seconds));

  it.each(["", "soon", "4h", "1:2:3:4"])("%j is none", (text) =>
    expect(slurmSeconds(text)).toBeNull(),
  );
});

describe("the time limit of a job", () => {
  it("is ten minutes and three times its prediction, at most what may be asked for", () => {
    expect(timeLimit({ time: "04:00:00" }, 600)).toEqual({ minutes: 40, isLongest: false });
    expect(timeLimit({ time: "04:00:00" }, 600, 1)).toEqual({ minutes: 80, isLongest: false });
    expect(timeLimit({ time: "00:30:00" }, 600)).toEqual({ minutes: 30, isLongest: true });
    expect(timeLimit({}, null)).toEqual({ minutes: 240, isLongest: true });
  });
});

describe("what a job asks for", () => {
  const request = {
    name: "aqm-1-1",
    folder: "/work space/job",
    settings: {},
    minutes: 5,
    cpus: 0,
    gpus: 1,
    memoryBytes: null,
    exclude: [],
    mounts: ["/w"],
  };

  it("is in options that no shell reads, and says no more than it has to", () => {
    expect(submitOptions(request).join(" ")).toMatch(/^[\w=/:,. -]+$/);
    expect(submitOptions(request)).toContain("--gres=gpu:1");
    expect(submitOptions({ ...request, memoryBytes: 2 ** 31, exclude: ["n1", "n2"] })).toEqual(
      expect.arrayContaining(["--mem=2048M", "--exclude=n1,n2"]),
    );
  });

  it("has the devices that settings say, or none", () => {
    const options = (gpus_per_node: number | null) =>
      submitOptions({ ...request, settings: { gpus_per_node } }).filter((one) => /gres/.test(one));
    expect([options(8), options(null)]).toEqual([["--gres=gpu:8"], []]);
  });

  it("runs in a container where one is named, with what it needs mounted", () => {
    const settings = { container: "registry#image:1", container_mounts: ["/data:/data"] };
    expect(batchScript(request)).toContain("exec /bin/sh '/work space/job/run.sh'");
    expect(batchScript({ ...request, settings })).toContain(
      "srun '--ntasks=1' ".replaceAll("'", "") +
        "--kill-on-bad-exit=0 '--container-image=registry#image:1' '--container-mounts=/w:/w,/data:/data'",
    );
  });

  it("writes variables so that a shell reads what they were", () => {
    expect(environmentFile({ A: "it's $HOME `x`\n" })).toBe("A='it'\\''s $HOME `x`\n'\n");
  });
});

describe("settings", () => {
  it("come from the action, its op, the Aqmfile, and last from variables", () => {
    const declared = { partition: "a", ops: { score: { qos: "q" } } };
    const { settingsOf, prefix } = clusterOf(declared, {
      SLURM_PARTITION: "b",
      SLURM_ACCOUNT: "c",
      SLURM_HOST: "login",
      SLURM_USER: "me",
    });
    expect(settingsOf(action())).toEqual({ account: "c", partition: "a", qos: "q" });
    expect(settingsOf(action({ slurm: { partition: "d" } })).partition).toBe("d");
    expect(prefix).toEqual(["ssh", "-oBatchMode=yes", "me@login", "--"]);
  });

  it("decide who takes an action", () => {
    const takes = (choice: "declared" | "slurm" | "local", more: Partial<ActionDeclaration> = {}) =>
      slurmOffer({ ops: { here: false, there: {} } }, choice).takes?.(action(more));
    const op = (name: string) => ({ op: { runtime: "python", name, environment: "e" } }) as const;
    expect([takes("declared"), takes("slurm"), takes("local")]).toEqual([false, true, false]);
    expect([takes("declared", { slurm: {} }), takes("slurm", { slurm: false })]).toEqual([
      true,
      false,
    ]);
    expect([takes("declared", op("there")), takes("slurm", op("here"))]).toEqual([true, false]);
    expect(takes("local", { slurm: {} })).toBe(false);
  });

  it.each([
    [{ partion: "x" }, "partition"],
    [{ time: "soon" }, "time"],
    [{ partition: "a b" }, "partition"],
    [{ sbatch_args: ["--job-name=x"] }, "aqm itself says"],
    [{ sbatch_args: ["-J"] }, "aqm itself says"],
    [{ ops: { score: { mem: "lots" } } }, "slurm.ops.score"],
  ])("that are wrong are refused: %j", (settings, words) => {
    let said = "";
    try {
      checkSlurm(settings);
    } catch (error) {
      const failure = (error as { aqmFailure?: { message: string; nextStep?: string } }).aqmFailure;
      said = `${failure?.message ?? ""} ${failure?.nextStep ?? ""} ${String(error)}`;
    }
    expect(said).toContain(words);
  });
});

describe("states of a job", () => {
  it("are told apart, and one that nobody knows is one of a job that goes on", () => {
    expect(["PENDING", "RUNNING", "COMPLETING", "TIMEOUT", "NEW_STATE"].map(phaseOf)).toEqual([
      "pending",
      "running",
      "running",
      "over",
      "running",
    ]);
    expect(plainState("CANCELLED by 1000")).toBe("CANCELLED");
  });

  it("decide what is tried again, and where", () => {
    const again = (state: string | null) => {
      const { reason, again: how, exclude } = endingOf(state);
      return [reason, how, exclude];
    };
    expect(again("NODE_FAIL")).toEqual(["job_lost", "always", true]);
    expect(again("PREEMPTED")).toEqual(["job_ended", "always", false]);
    expect(again("TIMEOUT")).toEqual(["time_limit", "with more time", false]);
    expect(again("OUT_OF_MEMORY")).toEqual(["out_of_memory", "never", false]);
    expect(again("CANCELLED")).toEqual(["job_ended", "never", false]);
    expect(again("COMPLETED")).toEqual(["job_lost", "never", false]); // never taken for a success
    expect(again(null)).toEqual(["job_lost", "always", false]);
  });
});

describe("a group on a cluster", () => {
  it("is shared out over no more jobs than it is worth", () => {
    expect(worthwhile([100, 100, 100, 100], 2, 0)).toBe(2);
    expect(worthwhile([10, 10, 10, 10], 4, 120)).toBe(1);
    expect(worthwhile([100, 100, null, 100], 4, 120)).toBe(3);
    expect(worthwhile([null, null, null], 2, 120)).toBe(2);
  });
});
