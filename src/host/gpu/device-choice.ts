import type { Failure } from "../../model/failure.ts";
import { err, ok, type Result } from "../../model/result.ts";
import { cancelled } from "../process/cancelled.ts";
import { passed } from "../process/passed.ts";
import { DevicePool, neighbours } from "./device-pool.ts";
import type { DeviceRequest } from "./device-request.ts";
import type { DeviceState, Driver } from "./driver.ts";
import { letGo, type GpuLease, type GpuLeases } from "./gpu-leases.ts";
import { sharedOut } from "./more-devices.ts";
import { sightOf, type ChosenDevices, type Sight } from "./sight.ts";
import { mayRun, rankOf, SHARE, type View } from "./standing.ts";

/** The devices of a job, and what the driver said of all; null where nothing is known. */
interface Suited extends ChosenDevices {
  readonly states: readonly DeviceState[] | null;
}

/** How long it is until the driver is asked again, in milliseconds. */
const PAUSE = { first: 500, most: 5_000 };

/**
 * Gives each job of this process its devices. A lease keeps other jobs of this user off them, and the driver says
 * which other processes are on them. The driver is asked once for each job, and again only while a job waits.
 */
export class DeviceChoice {
  readonly #leases: GpuLeases;
  readonly #driver: Pick<Driver, "look" | "isSilent">;
  readonly #pool: DevicePool;
  /** What was said once of a device and those who are on it. */
  readonly #warned = new Set<string>();

  constructor(
    leases: GpuLeases,
    driver: Pick<Driver, "look" | "isSilent">,
    devices: readonly string[],
  ) {
    this.#leases = leases;
    this.#driver = driver;
    this.#pool = new DevicePool(devices);
  }

  async take(request: DeviceRequest): Promise<Result<ChosenDevices, Failure>> {
    const devices = await this.#pool.take(request.devices);
    if (devices.some((device) => !request.devices.includes(device)))
      tellMoved(request.devices, devices, "another job of this build has it", request);
    const leased = await this.#leased(devices, request);
    if (!leased.ok) {
      this.#pool.giveBack(devices);
      return leased;
    }
    if (devices.length === 0) return leased;
    const suited = await this.#suited(leased.value, request);
    if (!suited.ok) return suited;
    const place = { leases: this.#leases, pool: this.#pool, states: suited.value.states };
    const chosen = await sharedOut(suited.value, request, place);
    const { lease } = chosen;
    const giveBack = (): void => this.#pool.giveBack(chosen.devices);
    return ok({
      devices: chosen.devices,
      lease: {
        ...lease,
        release: () => lease.release().finally(giveBack),
        park: (resident) => {
          lease.park(resident);
          giveBack();
        },
      },
    });
  }

  /** Takes devices that are free instead, where another build of this user has these. */
  async #leased(
    devices: readonly string[],
    request: DeviceRequest,
  ): Promise<Result<ChosenDevices, Failure>> {
    const { target, emit, signal } = request;
    const now = await this.#leases.acquireNow(devices, target);
    if (now !== null) return ok({ devices, lease: now });
    const why = "another build has it";
    for (const others of neighbours(this.#pool.free, devices.length)) {
      const lease = await this.#takenNow(others, request);
      if (lease === null) continue;
      this.#pool.giveBack(devices);
      tellMoved(devices, others, why, request);
      return ok({ devices: others, lease });
    }
    const lease = await this.#leases.acquire(devices, target, emit, signal);
    return lease.ok ? ok({ devices, lease: lease.value }) : lease;
  }

  /** Waits until the job may run on the devices that it has, or on others; gives them back where it may not. */
  async #suited(leased: ChosenDevices, request: DeviceRequest): Promise<Result<Suited, Failure>> {
    let held = leased;
    const giveUp = async (failure: Failure): Promise<Result<Suited, Failure>> => {
      await letGo(held.lease);
      this.#pool.giveBack(held.devices);
      return err(failure);
    };
    const told = new Set<string>();
    for (let pause = PAUSE.first; ; pause = Math.min(2 * pause, PAUSE.most)) {
      const states = await this.#driver.look(request.signal);
      if (request.signal.aborted) return giveUp(cancelled());
      if (states === null) {
        this.#saySilence(request);
        return ok({ ...held, states });
      }
      const moved = await this.#onBetter(
        held,
        sightOf(this.#leases, states, held, request.bytes),
        request,
      );
      if (!moved.ok) return moved;
      held = moved.value;
      const { view } = sightOf(this.#leases, states, held, request.bytes);
      const bad = held.devices.filter((device) => !mayRun(view(device).standing));
      if (bad.length === 0) {
        for (const device of held.devices) this.#warn(device, view(device), request);
        return ok({ ...held, states });
      }
      if (this.#pool.all.every((device) => view(device).standing === "prohibited"))
        return giveUp(prohibited(bad));
      for (const device of bad) {
        const { who, why, standing } = view(device);
        const hint = standing === "crowded" ? ` (${SHARE}=1 does not wait)` : "";
        const path = `GPU ${this.#leases.placeOf(device)}`;
        if (!told.has(who))
          request.emit({ type: "waiting_for_lock", owner: `${why}${hint}`, path });
        told.add(who);
      }
      await passed(pause, request.signal);
    }
  }

  /** The same devices, where no free ones are better for the job. */
  async #onBetter(
    held: ChosenDevices,
    { view, size }: Sight,
    request: DeviceRequest,
  ): Promise<Result<ChosenDevices, Failure>> {
    const { devices, lease } = held;
    const order = (a: string, b: string): number =>
      rankOf(view(a).standing) - rankOf(view(b).standing) ||
      (request.bytes === null ? 0 : size(a) - size(b));
    // Sorting keeps the order of equals, so that what the job has comes first.
    const best = [...devices, ...this.#pool.free].sort(order).slice(0, devices.length);
    const more = best.filter((device) => !devices.includes(device));
    if (more.length === 0 || !this.#pool.takeNow(more)) return ok(held);
    const left = devices.filter((device) => !best.includes(device));
    const whys = left.flatMap((device) => view(device).why || []);
    const why = whys.join("; ") || "which is larger than need be";
    const others = await this.#leases.acquireNow(more, request.target);
    if (others === null) {
      this.#pool.giveBack(more);
      return ok(held);
    }
    await letGo(lease);
    if (left.length === devices.length) {
      this.#pool.giveBack(left);
      tellMoved(left, best, why, request);
      return ok({ devices: best, lease: others });
    }
    // Locks are taken in one order, so that of what the job keeps is given back before.
    await letGo(others);
    const both = await this.#leases.acquire(best, request.target, request.emit, request.signal);
    this.#pool.giveBack(both.ok ? left : [...devices, ...more]);
    if (!both.ok) return both;
    tellMoved(devices, best, why, request);
    return ok({ devices: best, lease: both.value });
  }

  async #takenNow(devices: readonly string[], { target }: DeviceRequest): Promise<GpuLease | null> {
    if (!this.#pool.takeNow(devices)) return null;
    const lease = await this.#leases.acquireNow(devices, target);
    if (lease === null) this.#pool.giveBack(devices);
    return lease;
  }

  #saySilence({ emit }: DeviceRequest): void {
    if (!this.#driver.isSilent || this.#warned.has("silence")) return;
    this.#warned.add("silence");
    const message =
      "nvidia-smi gives no answer: nobody knows who else is on the GPUs, and nobody is waited for";
    emit({ type: "notice", message });
  }

  #warn(device: string, { standing, who, why }: View, { tell }: DeviceRequest): void {
    const name = `${device} ${who}`;
    if (standing !== "shared" || this.#warned.has(name)) return;
    this.#warned.add(name);
    const message = `nobody knows how much of GPU ${device} it needs, which it shares with ${why}`;
    tell({ type: "action_warning", code: "device_shared", message });
  }
}

function tellMoved(
  from: readonly string[],
  devices: readonly string[],
  why: string,
  { tell }: DeviceRequest,
): void {
  const message = `runs on GPU ${devices.join(", ")} instead of GPU ${from.join(", ")} (${why})`;
  tell({ type: "devices_changed", devices, message });
}

const prohibited = (devices: readonly string[]): Failure => ({
  reason: "unsupported_here",
  message: `The compute mode of GPU ${devices.join(", ")} is Prohibited, so that no process may use it`,
  nextStep: `Name other devices with --gpus, or let its administrator run nvidia-smi -i ${devices.join(",")} -c DEFAULT.`,
});
