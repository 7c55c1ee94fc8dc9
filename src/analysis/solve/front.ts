import { MergedRuns } from "./merge-runs.ts";

/**
 * One step of the exact search at a time: the front of partial plans over the
 * groups seen so far. Costs and scores are integers, relative to the base plan.
 */
export interface Front {
  readonly size: number;
  /** Strictly rising. */
  readonly costs: Float64Array;
  /** Strictly falling: of two plans of equal score only the cheaper is kept. */
  readonly scores: Float64Array;
  /** Position in the previous front that each plan extends. */
  readonly parents: Int32Array;
  /** Move taken in this step. */
  readonly moves: Int32Array;
}

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
  readonly moves: readonly Move[];
}

/** The front before the first step: the base plan alone. */
export function startFront(): Front {
  return {
    size: 1,
    costs: new Float64Array(1),
    scores: new Float64Array(1),
    parents: new Int32Array(1),
    moves: new Int32Array(1),
  };
}

/** Arrays to work in, kept from step to step: making them anew would cost more than the work. */
export interface Scratch {
  costs: Float64Array;
  scores: Float64Array;
  parents: Int32Array;
  taken: Int32Array;
}

export function newScratch(): Scratch {
  return {
    costs: new Float64Array(),
    scores: new Float64Array(),
    parents: new Int32Array(),
    taken: new Int32Array(),
  };
}

function roomFor(most: number, scratch: Scratch): Scratch {
  if (scratch.costs.length < most) {
    const size = Math.max(2 * scratch.costs.length, most);
    scratch.costs = new Float64Array(size);
    scratch.scores = new Float64Array(size);
    scratch.parents = new Int32Array(size);
    scratch.taken = new Int32Array(size);
  }
  return scratch;
}

/**
 * Extends every plan of `previous` by every move and keeps what is worth keeping.
 *
 * @param admit whether a partial plan can still become one that matters. If it
 *   refuses a plan it must refuse every plan that costs and scores at least as much.
 * @param prefer whether, of two plans of equal cost and score, the new one
 *   (parent, move) is to be kept rather than the old one
 */
export function extendFront(
  previous: Front,
  moves: readonly Move[],
  admit: (cost: number, score: number) => boolean,
  prefer: (parent: number, move: number, oldParent: number, oldMove: number) => boolean,
  scratch: Scratch,
): Front {
  const { costs, scores, parents, taken } = roomFor(previous.size * moves.length, scratch);
  const heads = new Int32Array(moves.length);
  const runs = new MergedRuns(previous, moves);
  let size = 0;
  let lastScore = Infinity;
  for (let move = runs.first(); move >= 0; move = runs.first()) {
    const score = runs.scores[move] ?? 0;
    if (score <= lastScore) {
      const cost = runs.costs[move] ?? 0;
      const parent = heads[move] ?? 0;
      if (score < lastScore) {
        if (admit(cost, score)) {
          costs[size] = cost;
          scores[size] = score;
          parents[size] = parent;
          taken[size] = move;
          size += 1;
          lastScore = score;
        }
      } else if (cost === costs[size - 1]) {
        const last = size - 1;
        if (prefer(parent, move, parents[last] ?? 0, taken[last] ?? 0)) {
          parents[last] = parent;
          taken[last] = move;
        }
      }
    }
    heads[move] = runs.advance(move);
  }
  return {
    size,
    costs: costs.slice(0, size),
    scores: scores.slice(0, size),
    parents: parents.slice(0, size),
    moves: taken.slice(0, size),
  };
}
