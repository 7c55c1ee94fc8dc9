import { createHash, type Hash } from "node:crypto";
import type { Digest } from "../../model/digest.ts";

/** A digest of what comes part by part. */
export interface RunningDigest {
  readonly add: (part: Uint8Array) => void;
  readonly value: () => Digest;
  /** Goes on from here by itself. */
  readonly copy: () => RunningDigest;
}

export const runningDigest = (hash: Hash = createHash("sha256")): RunningDigest => ({
  add: (part) => void hash.update(part),
  value: () => `sha256:${hash.digest("hex")}`,
  copy: () => runningDigest(hash.copy()),
});
