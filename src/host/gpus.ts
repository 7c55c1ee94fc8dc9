import * as fs from "node:fs";

/**
 * The GPU devices of this machine as `CUDA_VISIBLE_DEVICES` would name them. An outer
 * `CUDA_VISIBLE_DEVICES` is obeyed. Looking at `/dev` costs microseconds; asking the driver's own
 * tool costs up to a second, too much for a build that has nothing to do.
 */
export function visibleGpus(): readonly string[] {
  const outer = process.env["CUDA_VISIBLE_DEVICES"];
  if (outer !== undefined) {
    return outer
      .split(",")
      .map((id) => id.trim())
      .filter((id) => id !== "" && id !== "-1");
  }
  const devices = fs.existsSync("/dev") ? fs.readdirSync("/dev") : [];
  return devices
    .flatMap((name) => /^nvidia(\d+)$/.exec(name)?.[1] ?? [])
    .sort((a, b) => Number(a) - Number(b));
}
