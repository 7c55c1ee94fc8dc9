import * as fs from "node:fs";
import { basename, dirname, join } from "node:path";

/** What a path leads to. */
export interface Lead {
  /** The path without links; where nothing is, the path at which it would be. */
  readonly real: string;
  /** Undefined where nothing is, or a link leads in a circle. */
  readonly stat: fs.Stats | undefined;
}

interface Step extends Pick<Lead, "stat"> {
  /** The real folder in which `place` is. */
  readonly around: string;
  readonly place: string;
  readonly link: fs.Stats | null;
}

/** Is told of each place on a way: whether a link is there. A link comes with its own stat. */
export type Passed = (place: string, link: fs.Stats | null) => void;

/**
 * Where paths lead. Every folder of a path can be a link, and a link can be set to something else while no file
 * changes; so each place on the way is looked at, once, and told.
 */
export class Ways {
  readonly #passed: Passed;
  readonly #real = new Map<string, string>();
  /** Real places at which nothing is, so that nothing can be in them. */
  readonly #absent = new Set<string>();

  constructor(passed: Passed = () => undefined) {
    this.#passed = passed;
  }

  /**
   * Each place is told, the path itself as well.
   *
   * @param path absolute and normalized
   */
  realOf(path: string): string {
    const known = this.#real.get(path);
    if (known !== undefined) return known;
    const step = this.#step(path);
    this.#passed(step.place, step.link);
    this.#real.set(path, step.place); // where a link leads in a circle, that is all there is to say
    const real = this.#end(step);
    this.#real.set(path, real);
    return real;
  }

  /** With the stat of what is there now; the path itself is told only where it is a link. */
  look(path: string): Lead {
    const step = this.#step(path);
    if (step.link === null) return { real: step.place, stat: step.stat };
    this.#passed(step.place, step.link);
    const real = this.#end(step);
    return { real, stat: statOf(real) };
  }

  #step(path: string): Step {
    const folder = dirname(path);
    const around = folder === path ? path : this.realOf(folder);
    const place = folder === path ? path : join(around, basename(path));
    const stat = this.#absent.has(around) ? undefined : lstatOf(place);
    if (stat === undefined) this.#absent.add(place);
    return { around, place, stat, link: stat?.isSymbolicLink() === true ? stat : null };
  }

  #end({ around, place, link }: Step): string {
    return link === null ? place : this.#follow(place, around);
  }

  #follow(link: string, around: string): string {
    const target = targetOf(link);
    if (target === null) return link;
    let at = target.startsWith("/") ? "/" : around;
    for (const part of target.split("/")) {
      if (part === "..") at = dirname(at);
      else if (part !== "" && part !== ".") at = this.realOf(join(at, part));
    }
    return at;
  }
}

function lstatOf(path: string): fs.Stats | undefined {
  try {
    return fs.lstatSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined; // it may not be looked at: its reader says so
  }
}

/** Undefined, too, for what cannot be looked at (a link to itself): its reader says so. */
export function statOf(path: string): fs.Stats | undefined {
  try {
    return fs.statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** Null where the link was removed since it was looked at. */
function targetOf(link: string): string | null {
  try {
    return fs.readlinkSync(link);
  } catch {
    return null;
  }
}
