/**
 * Random numbers that are the same on every machine: xoshiro128** (D. Blackman, S. Vigna, Scrambled linear
 * pseudorandom number generators, 2018), seeded by splitmix32. All steps are exact in 32-bit integers.
 */
export class Random {
  readonly #state = new Uint32Array(4);

  /** Any integer; other streams come from other seeds, or from `stream`. */
  constructor(seed: number, stream = 0) {
    let mixed = (seed ^ Math.imul(stream, 0x85ebca6b)) | 0;
    for (let n = 0; n < 4; n += 1) {
      mixed = (mixed + 0x9e3779b9) | 0;
      let z = mixed;
      z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
      this.#state[n] = (z ^ (z >>> 15)) >>> 0;
    }
  }

  /** An integer from 0 to 2^32 - 1. */
  next(): number {
    const [a = 0, b = 0, c = 0, d = 0] = this.#state;
    const result = Math.imul(rotated(Math.imul(b, 5), 7), 9) >>> 0;
    const e = c ^ a;
    const f = d ^ b;
    this.#state[1] = b ^ e;
    this.#state[0] = a ^ f;
    this.#state[2] = e ^ (b << 9);
    this.#state[3] = rotated(f, 11);
    return result;
  }

  /** An integer from 0 to `bound` - 1; `bound` is at most 2^20, so that the product is exact. */
  below(bound: number): number {
    return Math.floor((this.next() * bound) / 0x1_0000_0000);
  }

  /** From 0 to 1, never 1. */
  fraction(): number {
    return this.next() / 0x1_0000_0000;
  }
}

const rotated = (value: number, by: number): number => (value << by) | (value >>> (32 - by));
