import type { Front, Move } from "./front.ts";

/** All extensions of a front by rising cost, then score, then move; `next` steps to one and gives its move. */
export interface Runs {
  readonly next: () => number;
  readonly cost: number;
  readonly score: number;
  readonly parent: number;
}

/** Every move makes one sorted run of the front; a heap of the runs' heads merges them. */
export function mergeRuns(front: Front, moves: readonly Move[]): Runs {
  const { size, costs, scores } = front;
  const heads = new Int32Array(moves.length);
  const headCosts = new Float64Array(moves.length);
  const headScores = new Float64Array(moves.length);
  const heap = new Int32Array(moves.length);
  let held = 0;

  const before = (a: number, b: number): boolean => {
    const costA = headCosts[a] ?? 0;
    const costB = headCosts[b] ?? 0;
    if (costA !== costB) return costA < costB;
    const scoreA = headScores[a] ?? 0;
    const scoreB = headScores[b] ?? 0;
    return scoreA === scoreB ? a < b : scoreA < scoreB;
  };
  const read = (move: number): void => {
    const head = heads[move] ?? 0;
    headCosts[move] = (costs[head] ?? 0) + (moves[move]?.cost ?? 0);
    headScores[move] = (scores[head] ?? 0) + (moves[move]?.score ?? 0);
  };
  /** Puts a run where it belongs in the heap, from a position downwards. */
  const sink = (from: number, move: number): void => {
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= held) break;
      if (child + 1 < held && before(heap[child + 1] ?? 0, heap[child] ?? 0)) child += 1;
      if (!before(heap[child] ?? 0, move)) break;
      heap[at] = heap[child] ?? 0;
      at = child;
    }
    heap[at] = move;
  };

  if (size > 0) {
    for (let move = 0; move < moves.length; move += 1) {
      read(move);
      heap[move] = move;
    }
    held = moves.length;
    for (let at = (held >> 1) - 1; at >= 0; at -= 1) sink(at, heap[at] ?? 0);
  }
  const runs = { next, cost: 0, score: 0, parent: 0 };
  function next(): number {
    if (held === 0) return -1;
    const move = heap[0] ?? 0;
    const head = heads[move] ?? 0;
    runs.cost = headCosts[move] ?? 0;
    runs.score = headScores[move] ?? 0;
    runs.parent = head;
    heads[move] = head + 1;
    if (head + 1 < size) {
      read(move);
      sink(0, move);
    } else {
      held -= 1;
      if (held > 0) sink(0, heap[held] ?? 0);
    }
    return move;
  }
  return runs;
}
