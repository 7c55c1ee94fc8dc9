import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { parentPort } from "node:worker_threads";
import type { HashAnswer, HashRequest } from "./hash-pool.ts";

/** What a thread of the pool runs: hashes one file after the other, without ever holding much of one. */

const PIECE = 1024 * 1024;
/** How often progress is told. */
const TELL = 64 * PIECE;

const buffer = Buffer.allocUnsafe(PIECE);

function hash({ id, path }: HashRequest, answer: (message: HashAnswer) => void): void {
  try {
    const sum = createHash("sha256");
    const file = fs.openSync(path, "r");
    try {
      let done = 0;
      for (let read = 1; read > 0;) {
        read = fs.readSync(file, buffer, 0, PIECE, null);
        sum.update(buffer.subarray(0, read));
        done += read;
        if (done % TELL === 0) answer({ id, done });
      }
    } finally {
      fs.closeSync(file);
    }
    answer({ id, digest: `sha256:${sum.digest("hex")}` });
  } catch (error) {
    answer({ id, error: error instanceof Error ? error.message : String(error) });
  }
}

parentPort?.on("message", (request: HashRequest) =>
  hash(request, (message) => parentPort?.postMessage(message)),
);
