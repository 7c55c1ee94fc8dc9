import { MergedRuns } from "./merge-runs.ts";

/** A choice in one group, relative to its base option. */
export interface Move {
  /** Index of the candidate in the group as it was given. */
  readonly index: number;
  readonly cost: number;
  readonly score: number;
}

export interface Step {
  /** Position of the group in the problem: ties are broken in this order. */
  readonly group: number;
  /** By rising cost. */
  readonly moves: readonly Move[];
}

/** How the plans of one front came about, by position in it. */
interface Links {
  /** Position in the front before. */
  readonly parents: Int32Array;
  /** Position among the step's moves. */
  readonly moves: Uint8Array | Int32Array;
}

/** Arrays to write a front into, kept from step to step: making them anew would cost more than the work. */
interface Buffers {
  readonly costs: Float64Array;
  readonly scores: Float64Array;
  readonly parents: Int32Array;
  readonly moves: Int32Array;
}

/**
 * The front of partial plans, grown by one step at a time: by rising cost and falling score, of two plans
 * of equal score only the cheaper. Of plans equal in cost and score it has the one that comes first, group
 * by group, in the order of candidates.
 */
export class Front {
  readonly steps: readonly Step[];
  /** How many plans all fronts may have together. */
  readonly #most: number;
  /** One for every step done. */
  readonly #links: Links[] = [];
  #size = 1;
  #held = 1;
  /** Before the first step: the base plan alone. */
  #now = newBuffers(2);
  #next = newBuffers(2);

  constructor(steps: readonly Step[], most: number) {
    this.steps = steps;
    this.#most = most;
    this.#end();
  }

  get size(): number {
    return this.#size;
  }

  costAt(position: number): number {
    return this.#now.costs[position] ?? 0;
  }

  /**
   * Does the next step: extends every plan by every move and keeps what is worth keeping. False, and of no
   * more use, when that is more than it may hold.
   *
   * @param admit whether a partial plan can still become one that matters; asked by rising cost. If it
   *   refuses a plan it must refuse every plan that costs and scores at least as much.
   */
  extend(admit: (cost: number, score: number) => boolean): boolean {
    const moves = this.steps[this.#links.length]?.moves ?? [];
    const runs = new MergedRuns(this.#now.costs, this.#now.scores, moves);
    let next = this.#next;
    let size = 0;
    let least = Infinity;
    for (let move = runs.first(); move >= 0; move = runs.first()) {
      const cost = runs.costs[move] ?? 0;
      const score = runs.scores[move] ?? 0;
      const parent = runs.heads[move] ?? 0;
      if (score < least) {
        least = score;
        if (admit(cost, score)) {
          if (size + 1 >= next.costs.length) {
            if (this.#held + size >= this.#most) return false;
            next = larger(next);
          }
          next.costs[size] = cost;
          next.scores[size] = score;
          next.parents[size] = parent;
          next.moves[size] = move;
          size += 1;
        }
      } else if (cost === next.costs[size - 1] && score === next.scores[size - 1]) {
        const last = size - 1;
        if (this.#comesFirst(parent, move, next.parents[last] ?? 0, next.moves[last] ?? 0)) {
          next.parents[last] = parent;
          next.moves[last] = move;
        }
      }
      runs.advance(least);
    }
    const taken = next.moves.subarray(0, size);
    this.#links.push({
      parents: next.parents.slice(0, size),
      moves: moves.length <= 256 ? Uint8Array.from(taken) : taken.slice(),
    });
    this.#next = this.#now;
    this.#now = next;
    this.#size = size;
    this.#held += size;
    this.#end();
    return this.#held <= this.#most;
  }

  /**
   * Writes the choices that led to `count` plans from position `from` on, a row of `width` groups each.
   * Groups without a step are left as they are.
   */
  read(from: number, count: number, rows: number[] | Int32Array, width: number): void {
    const at = Int32Array.from({ length: count }, (_, row) => from + row);
    for (let s = this.#links.length - 1; s >= 0; s -= 1) {
      const { parents, moves } = this.#links[s] ?? NO_LINKS;
      const step = this.steps[s];
      const group = step?.group ?? 0;
      const choices = Int32Array.from(step?.moves ?? [], ({ index }) => index);
      for (let row = 0; row < count; row += 1) {
        const position = at[row] ?? 0;
        rows[row * width + group] = choices[moves[position] ?? 0] ?? 0;
        at[row] = parents[position] ?? 0;
      }
    }
  }

  /** Whether the first of two plans of equal cost and score is preferred: lexicographic by group. */
  #comesFirst(parentA: number, moveA: number, parentB: number, moveB: number): boolean {
    let group = Infinity;
    let first = false;
    let [a, b, a1, b1] = [parentA, parentB, moveA, moveB];
    for (let s = this.#links.length; s >= 0; s -= 1) {
      const step = this.steps[s];
      if (step !== undefined && a1 !== b1 && step.group < group) {
        group = step.group;
        first = (step.moves[a1]?.index ?? 0) < (step.moves[b1]?.index ?? 0);
      }
      if (a === b) break;
      const { parents, moves } = this.#links[s - 1] ?? NO_LINKS;
      a1 = moves[a] ?? 0;
      b1 = moves[b] ?? 0;
      a = parents[a] ?? 0;
      b = parents[b] ?? 0;
    }
    return first;
  }

  /** A position behind the last, at which merging ends. */
  #end(): void {
    this.#now.costs[this.#size] = Infinity;
    this.#now.scores[this.#size] = -Infinity;
  }
}

const NO_LINKS: Links = { parents: new Int32Array(), moves: new Uint8Array() };

function newBuffers(length: number): Buffers {
  return {
    costs: new Float64Array(length),
    scores: new Float64Array(length),
    parents: new Int32Array(length),
    moves: new Int32Array(length),
  };
}

/** The same with room for twice as many. */
function larger(buffers: Buffers): Buffers {
  const next = newBuffers(2 * buffers.costs.length);
  next.costs.set(buffers.costs);
  next.scores.set(buffers.scores);
  next.parents.set(buffers.parents);
  next.moves.set(buffers.moves);
  return next;
}
