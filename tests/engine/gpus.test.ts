import * as fs from "node:fs";
import { beforeEach, describe, expect, it } from "vitest";
import { GpuLeases } from "../../src/host/gpu/gpu-leases.ts";
import {
  areAlike,
  distinctGpus,
  namedGpus,
  ofOneKind,
  placeOfGpu,
  visibleGpus,
  type DeviceFolders,
} from "../../src/host/gpu/gpus.ts";
import { Folder } from "./support/folder.ts";
import { errorOf, valueOf } from "./support/results.ts";

const FIRST = "GPU-9f8ef07c-c5ea-f7b9-d59b-e435df11653c";
const SECOND = "GPU-6c5b2540-488f-36e3-4191-aee34876b08c";

const information = (uuid: string, minor: number, model = "NVIDIA H200"): string =>
  `Model: \t\t ${model}\nIRQ:   \t\t 41\nGPU UUID: \t ${uuid}\nBus Type: \t PCIe\nDevice Minor: \t ${minor}\n`;

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

  it("is alike another one of its kind, as far as anything tells", () => {
    expect(areAlike(["0", SECOND], both)).toBe(true);
    const other = information(SECOND, 1, "NVIDIA A100");
    const mixed = new Folder({
      "proc/driver/nvidia/gpus/0000:00:06.0/information": information(FIRST, 0),
      "proc/driver/nvidia/gpus/0000:00:07.0/information": other,
      ...{ "dev/nvidia0": "", "dev/nvidia1": "" },
    });
    const folders = { proc: mixed.at("proc"), dev: mixed.at("dev") };
    expect(areAlike(["0", "1"], folders)).toBe(false);
    expect(areAlike(["1"], folders)).toBe(true);
    expect(areAlike(["MIG-1", "MIG-2"], both)).toBe(false);
    expect(areAlike(["0", "1"], { proc: "/nowhere", dev: "/nowhere" })).toBe(true);
  });

  it("keeps its name where nothing is known of it", () => {
    expect(placeOfGpu("7", both)).toBe("7");
    expect(placeOfGpu("GPU-", both)).toBe("GPU-"); // could be either
    expect(placeOfGpu("MIG-41b1cf5e-8dbd-5a36-b9a1-7a1d3d5e0a0c", both)).toContain("MIG-");
    expect(placeOfGpu("1", { proc: "/nowhere", dev: "/nowhere" })).toBe("1");
  });

  it("is counted from 0 in a container that has only one of several", () => {
    withVisible(undefined, () => {
      expect(visibleGpus(machine("nvidia1"))).toEqual(["0"]);
      expect(visibleGpus(both)).toEqual(["0", "1"]);
    });
  });
});

function withVisible(value: string | undefined, look: () => void): void {
  const outer = process.env["CUDA_VISIBLE_DEVICES"];
  const set = (to: string | undefined): void => {
    if (to === undefined) delete process.env["CUDA_VISIBLE_DEVICES"];
    else process.env["CUDA_VISIBLE_DEVICES"] = to;
  };
  set(value);
  try {
    look();
  } finally {
    set(outer);
  }
}

const MIG = "MIG-41b1cf5e-8dbd-5a36-b9a1-7a1d3d5e0a0c";

describe("CUDA_VISIBLE_DEVICES is read as CUDA does", () => {
  // Those with numbers and words were tried with libcuda of driver 580 on one H200.
  it.each<[list: string, shown: readonly string[], onOther?: readonly string[]]>([
    ["", []],
    ["0", ["0"]],
    ["1,0", ["1", "0"]],
    [" 1 , 0 ", ["1", "0"]],
    ["00", ["0"]],
    ["0x0", ["0"]],
    ["-1", []],
    ["0,-1,1", ["0"]],
    ["NoDevFiles", []],
    ["none", []],
    ["0,,1", ["0"]],
    ["0,9", ["0"], ["0", "9"]],
    ["1,1", ["1"]],
    [`1,${SECOND}`, ["1"], ["1", SECOND]],
    [SECOND, [SECOND]],
    ["GPU-6c5b", ["GPU-6c5b"]],
    ["GPU-", [], ["GPU-"]], // either of two, and that of a machine which does not tell
    ["GPU-0000", [], ["GPU-0000"]],
    [MIG, [MIG]],
    [`MIG-GPU-6c5b2540/1/0,${MIG}`, ["MIG-GPU-6c5b2540/1/0", MIG]],
  ])("%j", (list, shown, onOther = shown) => {
    const both = machine("nvidia0", "nvidia1");
    withVisible(list, () => {
      expect(visibleGpus(both)).toEqual(shown);
      expect(visibleGpus({ proc: "/nowhere", dev: "/nowhere" })).toEqual(onOther);
    });
  });
});

describe("--gpus", () => {
  it.each<[list: string, named: readonly string[]]>([
    ["0,1", ["0", "1"]],
    [" 1, 0,", ["1", "0"]],
    [`0,${FIRST}`, ["0"]],
    ["GPU-9f8e,GPU-6c5b", ["GPU-9f8e", "GPU-6c5b"]],
    [MIG, [MIG]],
    ["", []],
  ])("%j names devices", (list, named) => {
    expect(valueOf(namedGpus(list, machine("nvidia0", "nvidia1")))).toEqual(named);
  });

  it.each(["2", "0,7", "GPU-0000", "GPU-", "first", "-1", "0-1"])("%j is refused", (list) => {
    const { reason, message, nextStep } = errorOf(namedGpus(list, machine("nvidia0", "nvidia1")));
    expect(reason).toBe("usage");
    expect(message).toContain(list.split(",").at(-1));
    expect(nextStep).toBe(
      `Name some of these: 0 (NVIDIA H200, ${FIRST}), 1 (NVIDIA H200, ${SECOND}).`,
    );
  });

  it("names only devices that this job may open, by index or by UUID", () => {
    const second = machine("nvidia1");
    expect(valueOf(namedGpus("0", second))).toEqual(["0"]);
    expect(errorOf(namedGpus("1", second)).nextStep).toContain(`0 (NVIDIA H200, ${SECOND})`);
    expect(namedGpus(FIRST, second).ok).toBe(false);
  });

  it("is believed where the machine does not tell of its devices, but for words that are no names", () => {
    const nowhere = { proc: "/nowhere", dev: "/nowhere" };
    expect(valueOf(namedGpus("7,GPU-0000", nowhere))).toEqual(["7", "GPU-0000"]);
    expect(errorOf(namedGpus("all", nowhere)).nextStep).toContain("--gpus 0,1");
  });
});

describe("devices of several kinds", () => {
  const mixed = (...models: readonly string[]): DeviceFolders => {
    const folder = new Folder({
      ...Object.fromEntries(
        models.map((model, n) => [
          `proc/driver/nvidia/gpus/0000:0${n}:00.0/information`,
          information(`GPU-${n}`, n, model),
        ]),
      ),
      ...Object.fromEntries(models.map((_, n) => [`dev/nvidia${n}`, ""])),
    });
    return { proc: folder.at("proc"), dev: folder.at("dev") };
  };

  it("are left out but for the kind of which there are most, with a word", () => {
    const machine = mixed("NVIDIA L4", "NVIDIA H200", "NVIDIA H200");
    expect(ofOneKind(["0", "1", "2"], machine)).toEqual({
      gpus: ["1", "2"],
      leftOut:
        "uses GPU 1, 2 (NVIDIA H200) and not GPU 0 (NVIDIA L4), since bits depend on the kind of device; --gpus chooses",
    });
  });

  it("of which there are equally many are those of the first one", () => {
    expect(ofOneKind(["1", "0"], mixed("NVIDIA L4", "NVIDIA H200")).gpus).toEqual(["1"]);
  });

  it("are all used where only one kind is visible, or nothing is told of them", () => {
    const machine = mixed("NVIDIA L4", "NVIDIA H200", "NVIDIA H200");
    expect(ofOneKind(["1", "2"], machine)).toEqual({ gpus: ["1", "2"], leftOut: null });
    expect(ofOneKind(["0", "1"], { proc: "/nowhere", dev: "/nowhere" }).leftOut).toBeNull();
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
