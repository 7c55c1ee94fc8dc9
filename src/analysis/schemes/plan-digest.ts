import type { Scheme } from "./scheme.ts";

/** FNV-1a of 64 bits, by G. Fowler, L. C. Noll and K.-P. Vo: The FNV Non-Cryptographic Hash Algorithm. */
const [OFFSET, PRIME] = [0xcbf29ce484222325n, 0x100000001b3n];

/**
 * What tells plans apart that have the same size: a digest of the format of every quantized module, and of the data
 * that the plan is calibrated and measured with. It guards against mistakes, and not against forgery. The order of
 * layers and how they are grouped does not count.
 */
export function planDigest({
  scope,
  size,
  layers,
}: Pick<Scheme, "scope" | "size" | "layers">): string {
  const formats = layers
    .filter(({ format }) => format !== "NONE")
    .flatMap(({ modules, format }) => modules.map((module) => `${module} ${format}`))
    .toSorted();
  let digest = OFFSET;
  for (const byte of new TextEncoder().encode([scope, size, ...formats].join("\n")))
    digest = BigInt.asUintN(64, (digest ^ BigInt(byte)) * PRIME);
  return `fnv1a64:${digest.toString(16).padStart(16, "0")}`;
}
