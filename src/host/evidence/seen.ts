import type { Observation } from "../../plan/knowledge.ts";

interface Place {
  readonly path: string;
  readonly include?: readonly string[];
}

/** What each place held when it was looked at, or what was put there since. */
export class Seen {
  readonly #found = new Map<string, Observation>();

  has(place: Place): boolean {
    return this.#found.has(keyOf(place));
  }

  set(place: Place, found: Observation): void {
    this.#found.set(keyOf(place), found);
  }

  at(place: Place): Observation {
    const found = this.#found.get(keyOf(place));
    if (found === undefined) throw new Error(`${place.path} was not surveyed`);
    return found;
  }
}

const keyOf = ({ path, include }: Place): string =>
  include === undefined ? path : `${path}\0${include.join("\0")}`;
