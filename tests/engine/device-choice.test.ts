import * as fs from "node:fs";
import { beforeEach, describe, expect, it } from "vitest";
import { DeviceChoice } from "../../src/host/gpu/device-choice.ts";
import type { Told } from "../../src/host/gpu/device-request.ts";
import { devicesIn, type DeviceState } from "../../src/host/gpu/driver.ts";
import { GpuLeases } from "../../src/host/gpu/gpu-leases.ts";
import type { ChosenDevices } from "../../src/host/gpu/sight.ts";
import type { BuildEvent } from "../../src/model/event.ts";
import type { Failure } from "../../src/model/failure.ts";
import type { Result } from "../../src/model/result.ts";
import { printed, type Shown } from "../rig/driver-tool.ts";
import { Folder } from "./support/folder.ts";
import { errorOf, valueOf } from "./support/results.ts";

/* Which devices a job gets, of those that the schedule counts. */

let folder: string;
let told: Told[];
let events: BuildEvent[];
let stop: AbortController;

beforeEach(() => {
  const place = new Folder();
  fs.mkdirSync(place.at("user"), { mode: 0o700 });
  folder = place.at("user/gpus");
  [told, events] = [[], []];
  stop = new AbortController();
});

const leases = (): GpuLeases => new GpuLeases(folder, (device) => device);

const USED: Shown = { by: [{ pid: 2 ** 22 + 1, used: 100_000 }] };

/** The devices of a machine, and how a build that may use all of them chooses. */
function build(...devices: readonly Shown[]): DeviceChoice {
  const { devices: lines, processes } = printed(devices);
  const states: readonly DeviceState[] = devicesIn(lines, processes);
  const look = (): Promise<readonly DeviceState[]> => Promise.resolve(states);
  return new DeviceChoice(
    leases(),
    { look, isSilent: false },
    states.map(({ index }) => index),
  );
}

const take = (
  choice: DeviceChoice,
  devices: readonly string[],
  bytes: number | null = 80e9,
  more: readonly string[] = [],
): Promise<Result<ChosenDevices, Failure>> =>
  choice.take({
    devices,
    more,
    target: "a",
    bytes,
    emit: (event) => {
      events.push(event);
      stop.abort(); // it waits, and for what it does is what a test wants to know
    },
    tell: (one) => told.push(one),
    signal: stop.signal,
  });

const taken = async (...args: Parameters<typeof take>): Promise<readonly string[]> =>
  valueOf(await take(...args)).devices;

it("are the ones that were counted where nothing speaks against them", async () => {
  expect(await taken(build({}, {}, {}), ["1"])).toEqual(["1"]);
  expect(told).toEqual([]);
});

it("are others where another build of this user has these", async () => {
  await leases().acquire(["0"], "b", () => undefined, stop.signal);
  expect(await taken(build({}, {}), ["0"])).toEqual(["1"]);
  expect(told).toMatchObject([
    { devices: ["1"], message: "runs on GPU 1 instead of GPU 0 (another build has it)" },
  ]);
});

it("are not those of another job of this build, whatever the schedule counted for that", async () => {
  const choice = build(USED, {}, {});
  expect(await taken(choice, ["0"])).toEqual(["1"]);
  expect(await taken(choice, ["1"])).toEqual(["2"]); // the schedule does not know that the first has moved
  expect(told.map(({ message }) => message.replace(/ \(process .*/, ""))).toEqual([
    "runs on GPU 1 instead of GPU 0",
    "runs on GPU 0 instead of GPU 1 (another job of this build has it)",
    "runs on GPU 2 instead of GPU 0",
  ]);
});

it("are waited for where all that would do are taken by jobs of this build", async () => {
  const choice = build(USED, {});
  const first = valueOf(await take(choice, ["0"]));
  expect(first.devices).toEqual(["1"]);
  expect(errorOf(await take(choice, ["1"])).reason).toBe("cancelled");
  expect(events).toMatchObject([{ type: "waiting_for_lock", path: "GPU 0" }]);
  await first.lease.release();
  stop = new AbortController();
  expect(await taken(choice, ["1"])).toEqual(["1"]);
});

it("are the smallest that have room for what the job needs", async () => {
  const machine = (): DeviceChoice => build({ room: 140_000 }, { room: 24_000 }, { room: 80_000 });
  expect(await taken(machine(), ["0"], 60e9)).toEqual(["2"]);
  expect(await taken(machine(), ["0"], 20e9)).toEqual(["1"]);
  expect(await taken(machine(), ["0"], null)).toEqual(["0"]);
});

it("are all moved, or only some, where a job has several", async () => {
  const all = valueOf(await take(build(USED, USED, {}, {}), ["0", "1"]));
  expect(all.devices).toEqual(["2", "3"]);
  await all.lease.release();
  expect(await taken(build(USED, {}, {}), ["0", "1"])).toEqual(["1", "2"]);
  expect(await taken(build({}), ["0"])).toEqual(["0"]); // what it moved from is nobody's
});

it("are free again after the job, also where a runner is left on them", async () => {
  const choice = build({});
  const first = valueOf(await take(choice, ["0"]));
  const resident = { pid: process.pid, leave: () => Promise.resolve() };
  first.lease.park(resident);
  const second = valueOf(await take(choice, ["0"]));
  expect(second.lease.resident).toBe(resident);
  await second.lease.release();
  expect(await taken(choice, ["0"])).toEqual(["0"]);
});

describe("further devices, which a job can do without", () => {
  const all = (choice: DeviceChoice, ...more: readonly string[]): Promise<readonly string[]> =>
    taken(choice, ["0"], 80e9, more);

  it("are those that were counted where nobody is on them", async () => {
    expect(await all(build({}, {}, {}), "1", "2")).toEqual(["0", "1", "2"]);
    expect(told).toEqual([]);
  });

  it("are not those that somebody needs, and the job says who", async () => {
    expect(await all(build({}, USED, {}), "1", "2")).toEqual(["0", "2"]);
    expect(told).toMatchObject([
      {
        devices: ["0", "2"],
        message: expect.stringMatching(
          /^runs on GPU 0, 2 and not on GPU 1 \(process .*, which holds 104\.9 GB; .* are needed\)$/,
        ) as string,
      },
    ]);
  });

  it("are shared with who leaves enough, and with nobody where it is not known what is enough", async () => {
    const beside: Shown = { by: [{ pid: 2 ** 22 + 1, used: 10_000 }] };
    const known = valueOf(await take(build({}, beside), ["0"], 80e9, ["1"]));
    expect(known.devices).toEqual(["0", "1"]);
    await known.lease.release();
    expect(await taken(build({}, beside), ["0"], null, ["1"])).toEqual(["0"]);
  });

  it("are not those of another build, which nobody waits for", async () => {
    await leases().acquire(["1"], "b", () => undefined, stop.signal);
    expect(await all(build({}, {}), "1")).toEqual(["0"]);
    expect(told).toMatchObject([
      { devices: ["0"], message: "runs on GPU 0 and not on GPU 1 (another build has it)" },
    ]);
  });

  it("are what is left where the one that is needed is another one", async () => {
    expect(await all(build(USED, {}, {}), "1", "2")).toEqual(["1", "2"]);
    expect(told.map(({ message }) => message.replace(/ \(process .*/, ""))).toEqual([
      "runs on GPU 1 instead of GPU 0",
      "runs on GPU 1, 2 and not on GPU 0",
    ]);
  });

  it("are left by a runner of an earlier job, and free after this one while its runner stays", async () => {
    const choice = build({}, {});
    let left = false;
    const leave = (): Promise<void> => {
      left = true;
      return Promise.resolve();
    };
    valueOf(await take(choice, ["1"])).lease.park({ pid: process.pid, leave });
    const both = valueOf(await take(choice, ["0"], 80e9, ["1"]));
    expect(both.devices).toEqual(["0", "1"]);
    expect(left).toBe(true);
    expect(both.lease.resident).toBeNull();
    both.lease.addWorker(process.pid);
    both.lease.park({ pid: process.pid, leave });
    expect(await leases().acquireNow(["0"], "b")).toBeNull();
    const free = await leases().acquireNow(["1"], "b");
    expect(free).not.toBeNull();
    await free?.release();
    expect(await taken(choice, ["1"])).toEqual(["1"]);
  });
});
