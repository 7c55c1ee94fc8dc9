import * as fs from "node:fs";
import { beforeEach, describe, expect, it } from "vitest";
import { GpuLeases } from "../../src/host/gpu/gpu-leases.ts";
import {
  distinctGpus,
  placeOfGpu,
  visibleGpus,
  type DeviceFolders,
} from "../../src/host/gpu/gpus.ts";
import { Folder } from "./support/folder.ts";
import { errorOf, valueOf } from "./support/results.ts";

const FIRST = "GPU-9f8ef07c-c5ea-f7b9-d59b-e435df11653c";
const SECOND = "GPU-6c5b2540-488f-36e3-4191-aee34876b08c";

const information = (uuid: string, minor: number): string =>
  `Model: \t\t NVIDIA H200\nIRQ:   \t\t 41\nGPU UUID: \t ${uuid}\nBus Type: \t PCIe\nDevice Minor: \t ${minor}\n`;

/** A machine with two devices; `nodes` are those that this process may open. */
function machine(...nodes: readonly string[]): DeviceFolders {
  const folder = new Folder({
    "proc/driver/nvidia/gpus/0000:00:06.0/information": information(FIRST, 0),
    "proc/driver/nvidia/gpus/0000:00:07.0/information": information(SECOND, 1),
    "dev/nvidiactl": "",
    ...Object.fromEntries(nodes.map((node) => [`dev/${node}`, ""])),
  });
  return { proc: folder.at("proc"), dev: folder.at("dev") };
}

describe("a GPU device", () => {
  let both: DeviceFolders;
  beforeEach(() => (both = machine("nvidia0", "nvidia1")));

  it("has one name, whether it is given by index, by UUID or by the start of one", () => {
    for (const id of ["1", SECOND, SECOND.slice(0, 8)]) {
      expect(placeOfGpu(id, both)).toBe("0000:00:07.0");
    }
    expect(placeOfGpu("0", both)).toBe("0000:00:06.0");
    expect(distinctGpus(["1", "0", SECOND, "1"], both)).toEqual(["1", "0"]);
  });

  it("has the index that counts what this job may open", () => {
    const second = machine("nvidia1");
    expect(placeOfGpu("0", second)).toBe("0000:00:07.0");
    expect(placeOfGpu(FIRST, second)).toBe("0000:00:06.0");
  });

  it("keeps its name where nothing is known of it", () => {
    expect(placeOfGpu("7", both)).toBe("7");
    expect(placeOfGpu("GPU-", both)).toBe("GPU-"); // could be either
    expect(placeOfGpu("MIG-41b1cf5e-8dbd-5a36-b9a1-7a1d3d5e0a0c", both)).toContain("MIG-");
    expect(placeOfGpu("1", { proc: "/nowhere", dev: "/nowhere" })).toBe("1");
  });

  it("is counted from 0 in a container that has only one of several", () => {
    const outer = process.env["CUDA_VISIBLE_DEVICES"];
    delete process.env["CUDA_VISIBLE_DEVICES"];
    expect(visibleGpus(machine("nvidia1"))).toEqual(["0"]);
    expect(visibleGpus(both)).toEqual(["0", "1"]);
    if (outer !== undefined) process.env["CUDA_VISIBLE_DEVICES"] = outer;
  });
});

describe("a lease", () => {
  const quiet = new AbortController().signal;

  it("is for the device, not for its name", async () => {
    const folder = new Folder();
    const leases = (): GpuLeases =>
      new GpuLeases(folder.at("user/gpus"), (id) => placeOfGpu(id, machine("nvidia0", "nvidia1")));
    fs.mkdirSync(folder.at("user"), { mode: 0o700 });
    const lease = valueOf(await leases().acquire(["1"], "a", () => undefined, quiet));
    const stop = new AbortController();
    const told: string[] = [];
    const refused = leases().acquire(
      [SECOND],
      "b",
      (event) => {
        if (event.type === "waiting_for_lock") told.push(`${event.path}: ${event.owner}`);
        stop.abort();
      },
      stop.signal,
    );
    expect(errorOf(await refused).reason).toBe("cancelled");
    expect(told).toEqual([`GPU 0000:00:07.0: process ${process.pid}, which builds a`]);
    await lease.release();
    await valueOf(await leases().acquire([SECOND], "b", () => undefined, quiet)).release();
  });

  it("is refused where others could change who has which device", async () => {
    const folder = new Folder();
    fs.mkdirSync(folder.at("user"));
    fs.chmodSync(folder.at("user"), 0o777);
    const leases = new GpuLeases(folder.at("user/gpus"), (id) => id);
    const refused = await leases.acquire(["0"], "a", () => undefined, quiet);
    expect(errorOf(refused)).toMatchObject({ place: { file: folder.at("user") } });
    expect(fs.readdirSync(folder.at("user"))).toEqual([]);
  });

  it.each([
    ["a link", (place: string) => fs.symlinkSync("..", place)],
    ["a file", (place: string) => fs.writeFileSync(place, "")],
    [
      "a folder that others may write",
      (place: string) => {
        fs.mkdirSync(place);
        fs.chmodSync(place, 0o777);
      },
    ],
  ])("is refused where the folder in the user's own one is %s", async (_what, make) => {
    const folder = new Folder();
    fs.mkdirSync(folder.at("user"), { mode: 0o700 });
    make(folder.at("user/gpus"));
    const leases = new GpuLeases(folder.at("user/gpus"), (id) => id);
    const refused = await leases.acquire(["0"], "a", () => undefined, quiet);
    expect(errorOf(refused)).toMatchObject({ place: { file: folder.at("user/gpus") } });
  });
});
