import type { Move } from "./step.ts";

/**
 * The extensions of a front by rising cost, then score, then move, but for most of those that are beaten:
 * every move makes one sorted run of the front, and runs skip what scores no less than a plan before.
 */
export class MergedRuns {
  /** Of each run's head, by move. */
  readonly costs: Float64Array;
  readonly scores: Float64Array;
  /** Position in the front. */
  readonly heads: Int32Array;
  readonly #frontCosts: Float64Array;
  readonly #frontScores: Float64Array;
  readonly #moveCosts: Float64Array;
  readonly #moveScores: Float64Array;
  /** Moves, as a heap by their heads. */
  readonly #heap: Int32Array;

  /** @param costs of the front, by position, rising; `scores` falling. After the last: Infinity and -Infinity */
  constructor(costs: Float64Array, scores: Float64Array, moves: readonly Move[]) {
    this.#frontCosts = costs;
    this.#frontScores = scores;
    this.#moveCosts = Float64Array.from(moves, (move) => move.cost);
    this.#moveScores = Float64Array.from(moves, (move) => move.score);
    const [cost = 0, score = 0] = [costs[0], scores[0]];
    this.costs = this.#moveCosts.map((own) => cost + own);
    this.scores = this.#moveScores.map((own) => score + own);
    this.heads = new Int32Array(moves.length);
    this.#heap = Int32Array.from(moves.keys());
    for (let at = (moves.length >> 1) - 1; at >= 0; at -= 1) this.#sink(at);
  }

  /** The run with the first head of all; -1 when all have ended. */
  first(): number {
    const move = this.#heap[0] ?? 0;
    return this.costs[move] === Infinity ? -1 : move;
  }

  /** Takes the first run on to its next plan that scores less than `least`. */
  advance(least: number): void {
    const move = this.#heap[0] ?? 0;
    const own = this.#moveScores[move] ?? 0;
    let head = this.heads[move] ?? 0;
    let score = 0;
    do {
      head += 1;
      score = (this.#frontScores[head] ?? 0) + own;
    } while (score >= least);
    this.heads[move] = head;
    this.scores[move] = score;
    this.costs[move] = (this.#frontCosts[head] ?? 0) + (this.#moveCosts[move] ?? 0);
    this.#sink(0);
  }

  #sink(from: number): void {
    const heap = this.#heap;
    const move = heap[from] ?? 0;
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && this.#isBefore(heap[child + 1] ?? 0, heap[child] ?? 0)) {
        child += 1;
      }
      if (!this.#isBefore(heap[child] ?? 0, move)) break;
      heap[at] = heap[child] ?? 0;
      at = child;
    }
    heap[at] = move;
  }

  #isBefore(a: number, b: number): boolean {
    const costA = this.costs[a] ?? 0;
    const costB = this.costs[b] ?? 0;
    if (costA !== costB) return costA < costB;
    const scoreA = this.scores[a] ?? 0;
    const scoreB = this.scores[b] ?? 0;
    return scoreA === scoreB ? a < b : scoreA < scoreB;
  }
}
