import type * as fs from "node:fs";
import { isRacy, isSettled } from "../disk/file-times.ts";
import { Ways, type Lead } from "./ways.ts";

/** Numbers that are noted of each path: device, inode, size, mtime, ctime. */
export const STAT_FIELDS = 5;
/** In place of all of them: nothing is there. */
export const MISSING = -1;
/** In place of all of them: look again without regard to what is known. */
export const UNSURE = -2;
/** In place of all of them: no link is there. */
export const NO_LINK = -3;

/** Path → stat, as columns: there can be hundreds of thousands. */
export class StatTable {
  readonly #rows = new Map<string, number>();
  #stats = new Float64Array(1024 * STAT_FIELDS);

  /** `stat` undefined: nothing is there. */
  set(path: string, stat: fs.Stats | undefined | typeof UNSURE | typeof NO_LINK): void {
    const row = this.#rows.get(path) ?? this.#rows.size;
    this.#rows.set(path, row);
    if ((row + 1) * STAT_FIELDS > this.#stats.length) {
      const larger = new Float64Array(this.#stats.length * 2);
      larger.set(this.#stats);
      this.#stats = larger;
    }
    if (typeof stat === "number")
      this.#stats.fill(stat, row * STAT_FIELDS, (row + 1) * STAT_FIELDS);
    else putStat(this.#stats, row, stat);
  }

  knows(path: string): boolean {
    return this.#rows.has(path);
  }

  /** Whether this very state was noted. */
  has(path: string, stat: fs.Stats | undefined): boolean {
    const row = this.#rows.get(path);
    if (row === undefined) return false;
    putStat(SCRATCH, 0, stat);
    return this.row(row).every((number, field) => number === SCRATCH[field]);
  }

  get paths(): IterableIterator<string> {
    return this.#rows.keys();
  }

  /** The numbers of the row-th path. */
  row(row: number): Float64Array {
    return this.#stats.subarray(row * STAT_FIELDS, (row + 1) * STAT_FIELDS);
  }
}

const SCRATCH = new Float64Array(STAT_FIELDS);

export function putStat(stats: Float64Array, row: number, stat: fs.Stats | undefined): void {
  const at = row * STAT_FIELDS;
  if (stat === undefined) {
    stats.fill(MISSING, at, at + STAT_FIELDS);
    return;
  }
  stats[at] = stat.dev;
  stats[at + 1] = stat.ino;
  stats[at + 2] = stat.size;
  stats[at + 3] = stat.mtimeMs;
  stats[at + 4] = stat.ctimeMs;
}

/** A place on a way: the numbers of the link, or that there is none. */
export function putWay(stats: Float64Array, row: number, stat: fs.Stats | undefined): void {
  if (stat?.isSymbolicLink() === true) putStat(stats, row, stat);
  else stats.fill(NO_LINK, row * STAT_FIELDS, (row + 1) * STAT_FIELDS);
}

/**
 * Every file and folder that an answer depends on, with the stat that it had just before it was looked
 * at. Collected while a command runs, so that the next one knows what it need not look at again.
 *
 * Three kinds: *grounds* decide what the graph is (modules, configs, op sources, lock files); *places* are
 * what actions read and write, and their records; *links* are what lies on the way to grounds, declared inputs and
 * outputs, each place with the link that is there, or as one without a link.
 */
export class Evidence {
  readonly grounds = new StatTable();
  readonly places = new StatTable();
  readonly links = new StatTable();
  readonly ways = new Ways((place, link) => {
    if (!this.links.knows(place))
      this.links.set(place, link === null ? NO_LINK : isUnsure(link) ? UNSURE : link);
  });
  /** Places on the way to what links in input folders lead to: for watching, since what is read tells the rest. */
  readonly #inside = new Set<string>();
  readonly #waysInside = new Ways((place) => this.#inside.add(place));
  /** Where grounds are whose path leads over a link. */
  readonly realGrounds = new Set<string>();
  /** Signatures of grounds, each taken at the first look. */
  readonly #signatures = new Map<string, string>();
  #complete = true;

  /** Looks at a path that the graph depends on: a file, or a folder, whose times tell when an entry comes or goes. */
  look(path: string): void {
    if (!this.grounds.knows(path)) this.#look(path); // the older look is the one to be compared with
  }

  #look(path: string): Lead {
    const lead = this.ways.look(path);
    if (lead.real !== path) this.realGrounds.add(lead.real);
    this.grounds.set(path, isUnsure(lead.stat) ? UNSURE : lead.stat);
    return lead;
  }

  /**
   * The signature of a ground as it was at the first look: several modules depend on the same files, and what is
   * noted of one holds for all.
   */
  signature(path: string, signatureOf: (path: string, lead: Lead) => string): string {
    let signature = this.#signatures.get(path);
    if (signature !== undefined) return signature;
    const lead = this.grounds.knows(path) ? this.ways.look(path) : this.#look(path);
    this.#signatures.set(path, (signature = signatureOf(path, lead)));
    return signature;
  }

  /** A ground is not what it was taken for. */
  doubtGround(path: string): void {
    this.grounds.set(path, UNSURE);
  }

  /** `stat` was taken before the content was read; undefined when there is nothing at `path`. */
  notePlace(path: string, stat: fs.Stats | undefined): void {
    // What this process has made and settled is sure although it is young.
    if (this.places.has(path, stat)) return;
    // What changed between two looks was taken for one thing by some and for another by others.
    const differs = this.places.knows(path);
    this.places.set(path, differs || isUnsure(stat) ? UNSURE : stat);
  }

  /** The same for a file that this process made and settled: see `disk.settle`. */
  noteMade(path: string, stat: fs.Stats): void {
    this.places.set(path, isSettled(stat, Date.now()) ? stat : UNSURE);
  }

  /** Whether a place is now as it was when it was looked at, for sure. */
  isSure(path: string, stat: fs.Stats | undefined): boolean {
    return this.places.has(path, stat);
  }

  /** What is at `path` was changed, and the change was not looked at. */
  doubt(path: string): void {
    this.places.set(path, UNSURE);
  }

  /** A link in a folder that is read. */
  noteLinkInside(path: string): void {
    this.#waysInside.realOf(path);
  }

  /** Each place that was passed on the way to something. */
  waysPassed(): readonly string[] {
    return [...new Set([...this.links.paths, ...this.#inside])];
  }

  /** False when the answer depends on something that leaves no trace here. */
  get complete(): boolean {
    return this.#complete;
  }

  leaveIncomplete(): void {
    this.#complete = false;
  }
}

/** Written within a clock tick of now, it could be written again without its times telling. */
const isUnsure = (stat: fs.Stats | undefined): boolean =>
  stat !== undefined && isRacy(stat, Date.now());
