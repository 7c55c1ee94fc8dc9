import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";

type Statted = fs.Stats | fs.BigIntStats | undefined;
type Stat = (place: unknown, options?: unknown) => Statted;

/** What the engine could ask for times. */
const ASKED = ["statSync", "lstatSync", "fstatSync"] as const;
const HOUR = 3_600_000_000_000n;
const DAY = 86_400_000_000_000n;

/**
 * Time under control, over real files: a lens on the times that the file system reports, and the wall
 * clock to go with it. Everything that changes between two calls of `pass` has changed at one and the
 * same moment, as on a file system that counts time in coarse ticks, however quick this one is; and a
 * moment later is as long ago as the timeline says, without anybody waiting for it.
 *
 * The change times of the real files decide at which moment a file was changed, so nothing can be
 * changed unseen. Only a time that was set by hand to something far away is reported as it is.
 */
export class Times {
  /** Nanoseconds. */
  #now = 1_500_000_000_000_000_000n;
  readonly #tick: bigint;
  readonly #probe: string;
  /** From which real moment on it was which moment here. */
  readonly #moments: { readonly real: bigint; readonly here: bigint }[] = [];
  readonly #real = new Map<(typeof ASKED)[number], Stat>();
  readonly #dateNow = Date.now;

  /** `tick` in milliseconds: file times are whole multiples of it. */
  constructor(folder: string, tick: number) {
    this.#probe = join(folder, "probe");
    this.#tick = BigInt(tick) * 1_000_000n;
    for (const name of ASKED) this.#real.set(name, fs[name] as Stat);
    this.pass(0);
  }

  /** The real modification time of a file, in seconds. */
  modified(path: string): number {
    return Number(this.#ask("statSync", path).mtimeNs) / 1e9;
  }

  /** The real change time of whatever is at a path. */
  changed(path: string): bigint {
    return this.#ask("lstatSync", path).ctimeNs;
  }

  pass(ms: number): void {
    const before = this.#touchProbe();
    let real = before;
    while (real <= before) real = this.#touchProbe();
    // Times that are set back by hand come out a little too early, and must stay on this side.
    while (this.#touchProbe() < real + 3000n);
    // Nobody can tell two changes apart that happen at the same moment of a clock that was set back,
    // so no moment comes twice; where ticks are coarse, back is to before all that ever was.
    const earliest = this.#moments.reduce(
      (least, { here }) => (here < least ? here : least),
      this.#now,
    );
    const from = ms < 0 && this.#tick > 0n ? earliest - HOUR : this.#now;
    this.#now = from + BigInt(ms) * 1_000_000n;
    do this.#now += 1000n;
    while (this.#moments.some(({ here }) => here === this.#now));
    this.#moments.push({ real, here: this.#now });
  }

  #touchProbe(): bigint {
    fs.writeFileSync(this.#probe, "");
    return this.#ask("statSync", this.#probe).ctimeNs;
  }

  #ask(name: (typeof ASKED)[number], path: string): fs.BigIntStats {
    return this.#real.get(name)?.(path, { bigint: true }) as fs.BigIntStats;
  }

  #seen(real: bigint): bigint {
    const [first] = this.#moments;
    const last = this.#moments.at(-1);
    if (first === undefined || last === undefined) return real;
    if (real < first.real - DAY || real > last.real + DAY) return real;
    const here = this.#moments.findLast((moment) => moment.real <= real)?.here ?? first.here;
    return this.#tick === 0n ? here : here - (here % this.#tick);
  }

  #through(stat: fs.Stats | fs.BigIntStats, exact: fs.BigIntStats): Statted {
    const [modified, changed] = [this.#seen(exact.mtimeNs), this.#seen(exact.ctimeNs)];
    if (typeof stat.mtimeMs === "bigint") {
      const times = { mtimeNs: modified, ctimeNs: changed };
      const rough = { mtimeMs: modified / 1_000_000n, ctimeMs: changed / 1_000_000n };
      return Object.assign(stat as fs.BigIntStats, times, rough);
    }
    const times = { mtimeMs: Number(modified) / 1e6, ctimeMs: Number(changed) / 1e6 };
    return Object.assign(stat as fs.Stats, times);
  }

  /** From now on everybody in this process sees these times. */
  install(): void {
    const mutable = fs as unknown as Record<string, Stat>;
    for (const [name, real] of this.#real) {
      mutable[name] = (place, options) => {
        const stat = real(place, options);
        return stat === undefined
          ? stat
          : this.#through(stat, real(place, { bigint: true }) as fs.BigIntStats);
      };
    }
    Date.now = () => Number(this.#now / 1_000_000n);
    syncBuiltinESMExports();
  }

  uninstall(): void {
    const mutable = fs as unknown as Record<string, Stat>;
    for (const [name, real] of this.#real) mutable[name] = real;
    Date.now = this.#dateNow;
    syncBuiltinESMExports();
  }
}
