import { MergedRuns } from "./merge-runs.ts";
import type { Step } from "./step.ts";

/** Arrays to write a front into, kept from step to step: making them again would cost more than the work. */
interface Buffers {
  readonly costs: Float64Array;
  readonly scores: Float64Array;
  readonly links: Int32Array;
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
  /**
   * How plans came about, by position in the front after each step: the position in the front before, times
   * 2^shift of the step, plus the position among its moves.
   */
  readonly #links: Int32Array[] = [];
  readonly #shifts: readonly number[];
  /** Of each step's moves. */
  readonly #indices: readonly Int32Array[];
  #size = 1;
  #held = 1;
  /** Before the first step: the base plan alone. */
  #now = newBuffers(2);
  #next = newBuffers(2);

  constructor(steps: readonly Step[], most: number) {
    this.steps = steps;
    this.#most = most;
    this.#shifts = steps.map(({ moves }) => Math.ceil(Math.log2(moves.length)));
    this.#indices = steps.map(({ moves }) => Int32Array.from(moves, ({ index }) => index));
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
    const shift = this.#shifts[this.#links.length] ?? 0;
    if (this.#size * 2 ** shift > 2 ** 31) return false;
    const runs = new MergedRuns(this.#now.costs, this.#now.scores, moves);
    let next = this.#next;
    let { costs, scores, links } = next;
    let size = 0;
    let least = Infinity;
    for (let move = runs.first(); move >= 0; move = runs.first()) {
      const cost = runs.costs[move] ?? 0;
      const score = runs.scores[move] ?? 0;
      if (score < least) {
        least = score;
        if (admit(cost, score)) {
          if (size + 1 >= costs.length) {
            if (this.#held + size >= this.#most) return false;
            next = larger(next);
            ({ costs, scores, links } = next);
          }
          costs[size] = cost;
          scores[size] = score;
          links[size] = ((runs.heads[move] ?? 0) << shift) | move;
          size += 1;
        }
      } else if (cost === costs[size - 1] && score === scores[size - 1]) {
        const link = ((runs.heads[move] ?? 0) << shift) | move;
        if (this.#comesFirst(link, links[size - 1] ?? 0)) links[size - 1] = link;
      }
      runs.advance(least);
    }
    this.#links.push(links.slice(0, size));
    this.#next = this.#now;
    this.#now = next;
    this.#size = size;
    this.#held += size;
    this.#end();
    return this.#held <= this.#most;
  }

  /**
   * Writes the choices that led to `count` plans from position `from` on, a row of them for each group.
   * Groups without a step are left as they are.
   */
  read(from: number, count: number, choices: number[] | Int32Array): void {
    const at = Int32Array.from({ length: count }, (_, plan) => from + plan);
    for (let s = this.#links.length - 1; s >= 0; s -= 1) {
      const step = this.steps[s];
      const links = this.#links[s];
      if (step === undefined || links === undefined) break;
      const indices = this.#indices[s] ?? NONE;
      stepBack(links, this.#shifts[s] ?? 0, indices, at, choices, step.group * count);
    }
  }

  /** Whether the first of two plans of equal cost and score is preferred: lexicographic by group. */
  #comesFirst(linkA: number, linkB: number): boolean {
    let group = Infinity;
    let first = false;
    let [a, b] = [linkA, linkB];
    for (let s = this.#links.length; s >= 0; s -= 1) {
      const step = this.steps[s];
      const shift = this.#shifts[s] ?? 0;
      const mask = (1 << shift) - 1;
      if (step !== undefined && (a & mask) !== (b & mask) && step.group < group) {
        group = step.group;
        first = (step.moves[a & mask]?.index ?? 0) < (step.moves[b & mask]?.index ?? 0);
      }
      const [parentA, parentB] = [a >> shift, b >> shift];
      if (parentA === parentB) break;
      a = this.#links[s - 1]?.[parentA] ?? 0;
      b = this.#links[s - 1]?.[parentB] ?? 0;
    }
    return first;
  }

  /** A position behind the last, at which merging ends. */
  #end(): void {
    this.#now.costs[this.#size] = Infinity;
    this.#now.scores[this.#size] = -Infinity;
  }
}

const NONE = new Int32Array();

/** Writes what the plans at some positions chose last, and makes the positions those of their parents. */
function stepBack(
  links: Int32Array,
  shift: number,
  indices: Int32Array,
  at: Int32Array,
  choices: number[] | Int32Array,
  row: number,
): void {
  const mask = (1 << shift) - 1;
  for (let plan = 0; plan < at.length; plan += 1) {
    const link = links[at[plan] ?? 0] ?? 0;
    choices[row + plan] = indices[link & mask] ?? 0;
    at[plan] = link >> shift;
  }
}

function newBuffers(length: number): Buffers {
  return {
    costs: new Float64Array(length),
    scores: new Float64Array(length),
    links: new Int32Array(length),
  };
}

/** The same with room for twice as many. */
function larger(buffers: Buffers): Buffers {
  const next = newBuffers(2 * buffers.costs.length);
  next.costs.set(buffers.costs);
  next.scores.set(buffers.scores);
  next.links.set(buffers.links);
  return next;
}
