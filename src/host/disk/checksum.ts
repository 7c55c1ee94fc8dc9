/**
 * 128 bits that tell whether bytes are what they were: a slip of the disk, not an adversary. For caches
 * that are read at every start, because loading a library for digests takes longer than reading them.
 */
export function checksum(bytes: Uint8Array): string {
  let a = 0x2f0b4c47;
  let b = 0x7a1e29d3;
  let c = 0x51ed270b;
  let d = bytes.length | 0;
  const whole = bytes.length & ~3;
  const words = aligned(bytes, whole);
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? 0;
    // Each step can be undone, so no change of one word alone can vanish again.
    a = Math.imul(a ^ word, 0x01000193);
    b = (Math.imul((b << 13) | (b >>> 19), 5) + word) | 0;
    c = Math.imul(c + word, 0x27d4eb2f);
    c ^= c >>> 15;
    d = (Math.imul(d ^ (word << 7) ^ (word >>> 25), 0x165667b1) + a) | 0;
  }
  for (let at = whole; at < bytes.length; at++) {
    a = Math.imul(a ^ (bytes[at] ?? 0), 0x01000193);
    b = (Math.imul((b << 13) | (b >>> 19), 5) + (bytes[at] ?? 0)) | 0;
  }
  return [a, b, c, d].map((lane) => (lane >>> 0).toString(16).padStart(8, "0")).join("");
}

function aligned(bytes: Uint8Array, length: number): Uint32Array {
  const inPlace = bytes.byteOffset % 4 === 0;
  // A copy by constructor: `slice` of a Buffer would be a view.
  const { buffer, byteOffset } = inPlace ? bytes : new Uint8Array(bytes.subarray(0, length));
  return new Uint32Array(buffer, byteOffset, length / 4);
}
