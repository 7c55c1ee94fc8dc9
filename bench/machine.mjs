import { spawnSync } from "node:child_process";
import { availableParallelism, cpus, loadavg, release, totalmem } from "node:os";

/** More than this share of the cores at work before the benchmark begins makes its figures doubtful. */
const BUSY = 0.3;

/**
 * @param {string} folder where the workspaces are
 * @param {readonly import("./tools.mjs").FoundTool[]} tools
 */
export function describeMachine(folder, tools) {
  const cores = availableParallelism();
  const load = loadavg()[0] ?? 0;
  const fileSystem = spawnSync("df", ["--output=fstype", folder], { encoding: "utf8" });
  return {
    lines: [
      `processor: ${cpus()[0]?.model ?? "unknown"}, ${cores} cores`,
      `memory: ${Math.round(totalmem() / 2 ** 30)} GiB`,
      `file system: ${fileSystem.stdout.trim().split("\n")[1] ?? "unknown"}; kernel ${release()}`,
      `Node ${process.version}`,
      `tools: ${tools.map(({ name, versionText }) => `${name} ${versionText}`).join(", ")}`,
      `load average at the start: ${load.toFixed(2)}`,
    ],
    warning:
      load > cores * BUSY
        ? `The machine was busy (load ${load.toFixed(2)} on ${cores} cores): the figures are doubtful, the ratios less so.`
        : null,
  };
}
