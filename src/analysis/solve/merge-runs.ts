import type { Front, Move } from "./front.ts";

/** Up to this many runs it is quicker to look at all heads than to keep a heap. */
const FEW = 6;

/**
 * All extensions of a front by rising cost, then score, then move. Every move makes one sorted run of the
 * front; `costs` and `scores` are those of each run's head.
 */
export class MergedRuns {
  readonly costs: Float64Array;
  readonly scores: Float64Array;
  readonly #front: Front;
  readonly #moveCosts: Float64Array;
  readonly #moveScores: Float64Array;
  readonly #heads: Int32Array;
  /** Of runs, by their heads; empty where they are few. */
  readonly #heap: Int32Array;

  constructor(front: Front, moves: readonly Move[]) {
    this.#front = front;
    this.#moveCosts = Float64Array.from(moves, ({ cost }) => cost);
    this.#moveScores = Float64Array.from(moves, ({ score }) => score);
    this.costs = new Float64Array(moves.length);
    this.scores = new Float64Array(moves.length);
    this.#heads = new Int32Array(moves.length).fill(-1);
    this.#heap = Int32Array.from(moves.length > FEW ? moves.keys() : []);
    for (let move = 0; move < moves.length; move += 1) this.#step(move);
    for (let at = (this.#heap.length >> 1) - 1; at >= 0; at -= 1) this.#sink(at);
  }

  /** The run with the first head of all; -1 when all have ended. */
  first(): number {
    let best = 0;
    if (this.#heap.length > 0) best = this.#heap[0] ?? 0;
    else {
      for (let move = 1; move < this.costs.length; move += 1) {
        if (this.#isBefore(move, best)) best = move;
      }
    }
    return (this.costs[best] ?? Infinity) === Infinity ? -1 : best;
  }

  /** Goes on to a run's next plan, and returns its position in the front. To be called for the first run. */
  advance(move: number): number {
    this.#step(move);
    if (this.#heap.length > 0) this.#sink(0);
    return this.#heads[move] ?? 0;
  }

  #step(move: number): void {
    const head = (this.#heads[move] ?? 0) + 1;
    this.#heads[move] = head;
    if (head < this.#front.size) {
      this.costs[move] = (this.#front.costs[head] ?? 0) + (this.#moveCosts[move] ?? 0);
      this.scores[move] = (this.#front.scores[head] ?? 0) + (this.#moveScores[move] ?? 0);
    } else this.costs[move] = Infinity;
  }

  #isBefore(a: number, b: number): boolean {
    const costA = this.costs[a] ?? 0;
    const costB = this.costs[b] ?? 0;
    if (costA !== costB) return costA < costB;
    const scoreA = this.scores[a] ?? 0;
    const scoreB = this.scores[b] ?? 0;
    return scoreA === scoreB ? a < b : scoreA < scoreB;
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
}
