/** A priority queue: a binary heap, lowest number first. Numbers are unique. */
export class Queue<Item> {
  readonly #heap: { readonly rank: number; readonly item: Item }[] = [];
  /** Items that were taken out of turn and are skipped when they come up. */
  readonly #removed = new Set<number>();

  push(rank: number, item: Item): void {
    if (this.#removed.delete(rank)) return; // it is still there
    const heap = this.#heap;
    let at = heap.length;
    const entry = { rank, item };
    for (; at > 0;) {
      const above = (at - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || parent.rank < rank) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = entry;
  }

  pop(): { readonly rank: number; readonly item: Item } | undefined {
    for (;;) {
      const first = this.#popAny();
      if (first === undefined || !this.#removed.delete(first.rank)) return first;
    }
  }

  /** The item must be in the queue. */
  remove(rank: number): void {
    this.#removed.add(rank);
  }

  #popAny(): { readonly rank: number; readonly item: Item } | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      const right = left + 1;
      const less = (heap[right]?.rank ?? Infinity) < (heap[left]?.rank ?? Infinity) ? right : left;
      const child = heap[less];
      if (child === undefined || child.rank > last.rank) break;
      heap[at] = child;
      at = less;
    }
    heap[at] = last;
    return first;
  }
}
