import { together } from "../plan/estimate.ts";
import { sharedDevices, timeOf, type Claim, type UnitLoad } from "../plan/shared-devices.ts";

/** A member of a batch group, as far as it matters for sharing a group out. */
export interface Part {
  /** What it is predicted to take alone; null where nothing is known. */
  readonly seconds: number | null;
  /** Members of one word share more than others do, so they should be in one job. */
  readonly alike: string | null;
}

/** How a group may be shared out. */
export interface Room {
  /** Jobs that can start now. */
  readonly jobs: number;
  /** Members of one job at most. */
  readonly most: number;
  /** The part of a lone run's time that a job pays once for all its members. */
  readonly shared: number;
}

/** Predictions are no better than that: jobs that differ by less count as equally long. */
const TOLERANCE = 1.05;
/** Halvings of an interval: far below any time that matters. */
const HALVINGS = 40;

/** Positions of members. */
type Members = readonly number[];

/**
 * Shares a group out so that the longest job is short, and alike members are together where that costs nothing. A
 * member of which nothing is known counts as one like the others. There are more shares than jobs only where one
 * job may not have that many members.
 *
 * @returns the positions of the members of each job
 */
export function shareOut(parts: readonly Part[], room: Room): readonly Members[] {
  const count = Math.max(1, room.jobs, Math.ceil(parts.length / room.most));
  const seconds = withUsual(parts.map((part) => part.seconds));
  const loadOf = (members: Members): Load => new Load(members, seconds, room.shared);
  const classes = classesOf(parts);
  const row = classes.flat();
  if (count === 1) return [[...row].sort((a, b) => a - b)];
  const alone = row.map((member) => loadOf([member]));
  const whole = classes.flatMap((members) => cut(members, room.most)).map(loadOf);
  const empty = (): Load => loadOf([]);
  const ways = [
    inRow(alone, count, room.most, empty),
    longestFirst(whole, count, room.most, empty),
    longestFirst(alone, count, room.most, empty),
  ].flatMap((shares) => {
    // Whole kinds may not fit side by side.
    if (shares.length > count) return [];
    return {
      shares,
      longest: Math.max(0, ...shares.map(({ time }) => time)),
      kinds: shares.reduce((sum, { members }) => sum + kindsIn(members, parts), 0),
    };
  });
  const shortest = Math.min(...ways.map(({ longest }) => longest));
  const [best] = ways
    .filter(({ longest }) => longest <= shortest * TOLERANCE)
    .sort((a, b) => a.kinds - b.kinds || a.longest - b.longest);
  return (best?.shares ?? [])
    .map(({ members }) => [...members].sort((a, b) => a - b))
    .filter(({ length }) => length > 0);
}

/** Members of a job, and what it takes with them. */
class Load {
  readonly members: number[];
  readonly #shared: number;
  #sum: number;
  #most: number;

  constructor(members: Members, seconds: readonly number[], shared: number) {
    const alone = members.map((member) => seconds[member] ?? 0);
    this.members = [...members];
    this.#shared = shared;
    this.#sum = alone.reduce((sum, one) => sum + one, 0);
    this.#most = Math.max(0, ...alone);
  }

  get time(): number {
    return together(this.#most, this.#sum, this.#shared);
  }

  timeWith(other: Load): number {
    return together(Math.max(this.#most, other.#most), this.#sum + other.#sum, this.#shared);
  }

  add(other: Load): void {
    this.members.push(...other.members);
    this.#sum += other.#sum;
    this.#most = Math.max(this.#most, other.#most);
  }
}

/** With the mean of those that are known in the place of those that are not. */
export function withUsual(seconds: readonly (number | null)[]): readonly number[] {
  const known = seconds.flatMap((one) => one ?? []);
  const usual = known.reduce((sum, one) => sum + one, 0) / known.length;
  return seconds.map((one) => one ?? (known.length === 0 ? 1 : usual));
}

/** Alike members, in the order of their first ones; without a word each is alone. */
function classesOf(parts: readonly Part[]): readonly Members[] {
  const classes = new Map<string | number, number[]>();
  parts.forEach(({ alike }, member) => {
    const name = alike ?? member;
    const members = classes.get(name);
    if (members === undefined) classes.set(name, [member]);
    else members.push(member);
  });
  return [...classes.values()];
}

const kindsIn = (members: Members, parts: readonly Part[]): number =>
  new Set(members.map((member) => parts[member]?.alike ?? member)).size;

const cut = (members: Members, most: number): readonly Members[] =>
  members.length <= most ? [members] : [members.slice(0, most), ...cut(members.slice(most), most)];

/** Neighbours stay neighbours: the shortest longest share, each filled up before the next. */
function inRow(
  row: readonly Load[],
  count: number,
  most: number,
  empty: () => Load,
): readonly Load[] {
  const filled = (limit: number): readonly Load[] => {
    const shares: Load[] = [];
    for (const one of row) {
      let last = shares.at(-1);
      if (last === undefined || last.members.length === most || last.timeWith(one) > limit)
        shares.push((last = empty()));
      last.add(one);
    }
    return shares;
  };
  const all = empty();
  for (const one of row) all.add(one);
  let [low, high] = [0, all.time];
  for (let halving = 0; halving < HALVINGS; halving++) {
    const middle = (low + high) / 2;
    if (filled(middle).length <= count) high = middle;
    else low = middle;
  }
  return filled(high);
}

/** The longest first, each to the share that it leaves the shortest. */
function longestFirst(
  blocks: readonly Load[],
  count: number,
  most: number,
  empty: () => Load,
): readonly Load[] {
  const shares = Array.from({ length: count }, empty);
  for (const block of [...blocks].sort((a, b) => b.time - a.time)) {
    let best: Load | null = null;
    for (const share of shares) {
      if (share.members.length + block.members.length > most) continue;
      if (best === null || share.timeWith(block) < best.timeWith(block)) best = share;
    }
    if (best === null) shares.push(block);
    else best.add(block);
  }
  return shares;
}

/** How many jobs are worth it, so that none is much shorter than `jobSeconds`. */
export function worthwhile(
  seconds: readonly (number | null)[],
  jobs: number,
  jobSeconds: number,
): number {
  if (jobSeconds === 0 || seconds.every((one) => one === null)) return jobs;
  const total = withUsual(seconds).reduce((sum, one) => sum + one, 0);
  return Math.min(jobs, Math.max(1, Math.floor(total / jobSeconds)));
}

/**
 * How many of the free jobs the unit gets whose turn it is. With more of them it is done sooner, but each pays the
 * shared part once more, and the others come later: what counts is when all are done, the others each in one job, the
 * longest first. Of equally good numbers it is the least, which leaves most to the others.
 */
export function jobsFor(unit: UnitLoad, others: readonly UnitLoad[], jobs: number): number {
  const rest = others.map((other) => timeOf(other, 1)).sort((a, b) => b - a);
  const doneWith = (mine: number): number => {
    const ends = Array.from({ length: jobs }, (_, job) => (job < mine ? timeOf(unit, mine) : 0));
    for (const time of rest) {
      const next = ends.indexOf(Math.min(...ends));
      ends[next] = (ends[next] ?? 0) + time;
    }
    return Math.max(...ends);
  };
  let [best, done] = [1, doneWith(1)];
  for (let mine = 2; mine <= Math.min(jobs, unit.members); mine++) {
    const sooner = doneWith(mine);
    if (sooner * TOLERANCE < done) [best, done] = [mine, sooner];
  }
  return best;
}

/**
 * How many of the free devices a job gets that starts now and shares its work out over them. A job on several devices
 * is not as many times as quick, so what counts is when all that waits is done. The others share what is left; where
 * that is too little, they come one after the other. Of equally good numbers it is the least, and on top of that what
 * none of the others can use.
 */
export function devicesFor(unit: Claim, others: readonly Claim[], devices: number): number {
  const doneWith = (mine: number): number => {
    const shared = sharedDevices(others, devices - mine);
    if (shared !== null) {
      const times = others.map(({ seconds }, at) => seconds(shared[at] ?? 0));
      return Math.max(unit.seconds(mine), ...times);
    }
    let ends = Array.from({ length: devices }, (_, device) =>
      device < mine ? unit.seconds(mine) : 0,
    );
    const inTurn = others.map(({ least, seconds }) => ({ least, time: seconds(least) }));
    for (const { least, time } of inTurn.sort((one, other) => other.time - one.time)) {
      ends.sort((one, other) => one - other);
      const begin = ends[least - 1] ?? 0;
      ends = ends.map((end, at) => (at < least ? begin + time : end));
    }
    return Math.max(...ends);
  };
  const most = Math.min(devices, unit.most);
  let [best, done] = [1, doneWith(1)];
  for (let mine = 2; mine <= most; mine++) {
    const sooner = doneWith(mine);
    if (sooner * TOLERANCE < done) [best, done] = [mine, sooner];
  }
  const shared = sharedDevices(others, devices - best);
  if (shared === null) return best;
  return Math.min(most, devices - shared.reduce((sum, one) => sum + one, 0));
}
