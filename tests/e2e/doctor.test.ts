import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { node, type Finding } from "../../src/host/health.ts";
import { DriverTool } from "../rig/driver-tool.ts";
import { WIDE } from "../rig/wide.ts";
import { TestWorkspace } from "../rig/workspace.ts";

let workspace: TestWorkspace;
beforeAll(() => void (workspace = TestWorkspace.create({ "Aqmfile.ts": "export default 1;\n" })));
afterAll(() => workspace.remove());

const doctor = async (env: Readonly<Record<string, string>> = {}) => {
  const { code, stdout } = await workspace.aqm(["doctor", "--json"], { env });
  const { problems, findings } = JSON.parse(stdout) as { problems: number; findings: Finding[] };
  const of = (check: string): Finding | undefined => findings.find((one) => one.check === check);
  return { code, stdout, problems, findings, of };
};

describe("aqm doctor", () => {
  it("has each check once, and ends with 1 only where there is a problem", async () => {
    const { code, problems, findings } = await doctor();
    const checks = findings.map(({ check }) => check);
    expect(new Set(checks).size).toBe(checks.length);
    for (const check of ["Node", "Python", "GPU", "cache", "build lock", "hub credentials"])
      expect(checks).toContain(check);
    expect(problems).toBe(findings.filter(({ state }) => state === "problem").length);
    expect(code).toBe(problems === 0 ? 0 : 1);
  });

  it("says how each problem is mended, where no Python and no driver are on the path", async () => {
    const { code, of } = await doctor({ PATH: "/nowhere", CUDA_VISIBLE_DEVICES: "0" });
    expect(code).toBe(1);
    for (const check of ["Python", "driver"]) {
      expect(of(check)?.state).toBe("problem");
      expect(of(check)?.mend).not.toBe("");
    }
    expect(of("CUDA compiler")).toBeDefined();
    expect(of("extensions")).toBeDefined();
  });

  it("says what is wrong with a driver that fails", async () => {
    const tool = new DriverTool(workspace.path("driver"));
    tool.become("echo 'Failed to initialize NVML: Driver/library version mismatch'; exit 18");
    const { of } = await doctor({ PATH: tool.path, CUDA_VISIBLE_DEVICES: "0" });
    expect(of("driver")).toMatchObject({
      state: "problem",
      found: "nvidia-smi fails: Failed to initialize NVML: Driver/library version mismatch",
    });
  });

  it.runIf(WIDE)("waits for no driver that gives no answer", async () => {
    const tool = new DriverTool(workspace.path("driver"));
    tool.become("trap '' TERM; while :; do sleep 1; done");
    const { code, of } = await doctor({ PATH: tool.path, CUDA_VISIBLE_DEVICES: "0" });
    expect(of("driver")?.found).toBe("nvidia-smi gives no answer within 10 s");
    expect(of("driver")?.mend).toContain("dmesg");
    expect(code).toBe(1);
  });

  it("says of a credential that it is there, and not what it is", async () => {
    const { stdout, of } = await doctor({ HF_TOKEN: "hf_never_shown" });
    expect(of("hub credentials")?.found).toContain("present: HF_TOKEN");
    expect(stdout).not.toContain("hf_never_shown");
  });

  it("looks at the cache that AQM_CACHE names, and says when no environment is made", async () => {
    const { of } = await doctor({ AQM_CACHE: workspace.path("cache") });
    expect(of("cache")?.found).toBe(workspace.path("cache"));
    expect(of("environments")?.state).toBe("note");
    expect(of("environments")?.mend).toBe("npx aqm environment");
    expect(workspace.exists("cache")).toBe(false);
  });

  it("prints a line for each check, with what mends it below", async () => {
    const { stdout } = await workspace.aqm(["doctor"], { env: { PATH: "/nowhere" } });
    expect(stdout).toMatch(
      /^problem +Python +no Python from 3\.10 to 3\.13: no python3 at all\n +mend: apt install/m,
    );
    expect(stdout).toMatch(/\n\d+ problems?\n$/);
  });

  it("refuses a Node that is too old", () => {
    expect(node("20.18.3").state).toBe("problem");
    expect(node("20.19.0").state).toBe("ok");
    expect(node("22.0.0").state).toBe("ok");
  });
});

describe("aqm explain", () => {
  it("explains the cause that a Python op gives by what it stands behind", async () => {
    const { code, stdout } = await workspace.aqm(["explain", "unsafe_path"]);
    expect(code).toBe(0);
    expect(stdout).toContain(
      "unsafe_path (exit code 1)\n  what    A cause that Python ops give of `gate_failed`",
    );
    const both = await workspace.aqm(["explain", "--json", "custom_code", "cycle"]);
    expect(JSON.parse(both.stdout)).toMatchObject([
      { code: "custom_code", exitCode: 1 },
      { code: "cycle", exitCode: 2 },
    ]);
    expect((await workspace.aqm(["explain", "unsafe_pathh"])).stderr).toContain("unsafe_path");
  });

  it("says what a reason means, its cause and the next step", async () => {
    const { code, stdout } = await workspace.aqm(["explain", "input_missing"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^input_missing \(exit code 1\)\n {2}what .+\n {2}cause .+\n {2}next .+\n$/,
    );
  });

  it("lists all reasons without one, also as data", async () => {
    const { stdout } = await workspace.aqm(["explain"]);
    const { stdout: json } = await workspace.aqm(["explain", "--json"]);
    const codes = (JSON.parse(json) as { code: string }[]).map(({ code }) => code);
    expect((stdout.split("\n\n")[0] ?? "").split("\n").map((line) => line.split(" ")[0])).toEqual(
      codes,
    );
    expect(codes).toContain("region_edited");
  });

  it("names the nearest reason for one that there is not", async () => {
    const { code, stderr } = await workspace.aqm(["explain", "input_mising"]);
    expect(code).toBe(2);
    expect(stderr).toContain("input_missing");
  });
});
