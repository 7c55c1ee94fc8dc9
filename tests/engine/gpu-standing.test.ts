import { describe, expect, it } from "vitest";
import { devicesIn, type DeviceState } from "../../src/host/gpu/driver.ts";
import { viewOf, type Need, type Standing } from "../../src/host/gpu/standing.ts";
import { printed, type Shown } from "../rig/driver-tool.ts";
import { defined } from "./support/results.ts";

const seen = (device: Shown): DeviceState => {
  const { devices, processes } = printed([device]);
  return defined(devicesIn(devices, processes)[0]);
};

const need = (bytes: number | null, more: Partial<Need> = {}): Need => ({
  bytes,
  ours: new Set(),
  resident: false,
  ...more,
});

const OURS = { ours: new Set([11, 12]), resident: true };
const OTHER = { pid: 2 ** 22 + 1, used: 60_000 }; // beyond the highest number of a process

describe("a device stands to a job as", () => {
  it.each<[what: string, Standing, Shown, Need]>([
    ["nobody is on it", "free", {}, need(80e9)],
    ["nobody is on it, and no need is known", "free", {}, need(null)],
    ["enough is left beside others", "beside", { by: [OTHER] }, need(80e9)],
    ["others hold what the job needs", "crowded", { by: [OTHER] }, need(90e9)],
    ["others are on it, and no need is known", "shared", { by: [OTHER] }, need(null)],
    ["it never has that much", "small", { by: [OTHER] }, need(200e9)],
    ["it never has that much, and is empty", "small", {}, need(200e9)],
    [
      "a desktop has the little that lacks",
      "small",
      { by: [{ ...OTHER, used: 900 }] },
      need(150e9),
    ],
    [
      "it takes one process, and has one",
      "taken",
      { mode: "Exclusive_Process", by: [OTHER] },
      need(1),
    ],
    ["it takes one process, and has none", "free", { mode: "Exclusive_Process" }, need(1)],
    ["it takes none", "prohibited", { mode: "Prohibited" }, need(1)],
    [
      "its own runner holds the memory",
      "free",
      { by: [{ pid: 11, used: 90_000 }] },
      need(90e9, OURS),
    ],
    [
      "its own runner is there beside a stranger",
      "crowded",
      { by: [{ pid: 12, used: 9_000 }, OTHER] },
      need(90e9, OURS),
    ],
    ["its own runner goes by a number that is not ours", "free", { by: [OTHER] }, need(90e9, OURS)],
    ["processes that are not shown hold much", "crowded", { hidden: 80_000 }, need(90e9)],
    [
      "processes that are not shown hold much, need unknown",
      "shared",
      { hidden: 80_000 },
      need(null),
    ],
    ["what is not shown may be a desktop", "small", { hidden: 60_000 }, need(145e9)],
    ["what is not shown may be a desktop, need unknown", "free", { hidden: 60_000 }, need(null)],
    [
      "the driver does not say how much a process holds",
      "crowded",
      { by: [{ ...OTHER, used: "[N/A]" }], hidden: 80_000 },
      need(90e9),
    ],
  ])("%s: %s", (_what, standing, device, asked) => {
    expect(viewOf(seen(device), asked).standing).toBe(standing);
  });

  it("nothing is known of it: free", () => {
    expect(viewOf(null, need(90e9)).standing).toBe("free");
  });

  it("a device that shares the machine's memory has none to tell: then only who is on it counts", () => {
    const line =
      "0, GPU-b547183f-e6fc-4cb2-d959-32599765fa4e, 0000000F:01:00.0, [N/A], [N/A], Default\n";
    const [alone] = devicesIn(line, "");
    expect(alone).toMatchObject({ place: "000f:01:00.0", usedBytes: null, freeBytes: null });
    expect(viewOf(defined(alone), need(90e9)).standing).toBe("free");
    const [used] = devicesIn(line, "GPU-b547183f-e6fc-4cb2-d959-32599765fa4e, 486, 300, python3\n");
    expect(viewOf(defined(used), need(90e9)).standing).toBe("shared");
  });

  it("words say who is there, also where the system does not know the process", () => {
    expect(viewOf(seen({ by: [OTHER] }), need(90e9)).why).toBe(
      `process ${OTHER.pid} (python3), which holds 62.9 GB; 87.2 GB are free, about 90.0 GB are needed`,
    );
    expect(viewOf(seen({ hidden: 80_000 }), need(null)).why).toBe(
      "a process that is not shown here, which holds 83.9 GB",
    );
  });
});

describe("what the driver's tool prints", () => {
  it.each([
    ["nothing", ""],
    ["words", "No devices were found\n"],
    ["half a line", "0, GPU-b547183f-e6fc"],
    ["a line without a device", "0, [GPU is lost], [N/A], [N/A], [N/A], [N/A]\n"],
    ["bytes", "\0\u0001\ufffd,,,,,,,\n,,,,,,\n"],
  ])("tells of no device where it is %s", (_what, text) => {
    expect(devicesIn(text, text)).toEqual([]);
  });

  it("tells of the devices that it has lines for", () => {
    const { devices, processes } = printed([{ by: [OTHER] }, {}]);
    const found = devicesIn(
      `WARNING: infoROM is corrupted\n${devices}`,
      `${processes}[Not Found], , ,\n`,
    );
    expect(found.map(({ place, processes: { length } }) => [place, length])).toEqual([
      ["0000:00:06.0", 1],
      ["0000:00:07.0", 0],
    ]);
  });
});
