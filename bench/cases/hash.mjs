import { randomFillSync } from "node:crypto";
import { closeSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { freemem } from "node:os";
import { join } from "node:path";
import { alternate, runOnce } from "../measure.mjs";
import { AQM } from "../tools.mjs";
import { settle } from "../workspaces.mjs";
import { bareNode } from "./graph-cases.mjs";

/** @typedef {import("./graph-cases.mjs").Bench} Bench */

export const HASH = {
  first: "aqm, first build",
  again: "aqm, second build",
  openssl: "openssl sha256, a process for each core",
};

const SHARDS = 32;
const PIECE = 4 * 2 ** 20;

const AQMFILE = `import { action, build, committed, folder, typescriptOp } from "aqm";
const op = typescriptOp<typeof import("./ops/note.ts")>("ops/note.ts");
export default build(
  action({
    op,
    params: {},
    inputs: { checkpoint: folder("checkpoint") },
    outputs: { note: committed("note.txt") },
  }),
);
`;
const OP = `import { ok, type OpCall, type OpFailure, type OpOutputs, type Result } from "aqm";
export const version = 1;
export function run({ inputs }: OpCall<object, "checkpoint">): Result<OpOutputs<"note">, OpFailure> {
  return ok({ note: inputs.checkpoint.path });
}
`;

/**
 * A checkpoint in shards, hashed for the first time; openssl over the same shards; a second build.
 * @param {Bench} bench
 */
export function hash({ folder: parent, rounds, budgetSeconds, bytes, jobs, say }) {
  const folder = join(parent, "hash");
  say(`writing a checkpoint of ${(bytes / 1e9).toFixed(1)} GB in ${SHARDS} shards`);
  const shardBytes = writeCheckpoint(folder, bytes);
  const fits = bytes < freemem() + 2 ** 30;
  const forget = () => {
    for (const name of [".aqm", "aqm.lock", "note.txt"]) {
      rmSync(join(folder, name), { recursive: true, force: true });
    }
    settle();
  };
  const build = { command: [...AQM, "build"], folder };
  const measured = alternate(
    [
      bareNode(parent),
      {
        name: HASH.first,
        run: build,
        before: forget,
        after: ({ output }) => (/ 1 ran, /.test(output) ? null : `unexpected answer: ${output}`),
      },
      {
        name: HASH.again,
        run: build,
        before: settle,
        after: ({ output }) => (/ 0 ran, /.test(output) ? null : `unexpected answer: ${output}`),
      },
      {
        name: HASH.openssl,
        run: {
          command: [
            "sh",
            "-c",
            `find checkpoint -type f | xargs -P ${jobs} -n 1 openssl dgst -sha256`,
          ],
          folder,
        },
        after: ({ output }) =>
          output.trim().split("\n").length === SHARDS ? null : "openssl did not hash every shard",
      },
    ],
    { rounds, budgetSeconds },
  );
  forget();
  const events = runOnce({ command: [...build.command, "--json"], folder }).output;
  const progress = events.split("\n").filter((line) => line.includes('"type":"hashing"')).length;
  return { measured, shardBytes, fits, progress };
}

/**
 * @param {string} folder
 * @param {number} bytes
 */
function writeCheckpoint(folder, bytes) {
  mkdirSync(join(folder, "checkpoint"), { recursive: true });
  mkdirSync(join(folder, "ops"), { recursive: true });
  writeFileSync(join(folder, "Aqmfile.ts"), AQMFILE);
  writeFileSync(join(folder, "ops/note.ts"), OP);
  const pieces = Math.max(1, Math.round(bytes / SHARDS / PIECE));
  const piece = randomFillSync(Buffer.alloc(PIECE));
  for (let shard = 0; shard < SHARDS; shard++) {
    const file = openSync(join(folder, "checkpoint", `model-${shard}.safetensors`), "w");
    for (let index = 0; index < pieces; index++) {
      piece.writeUInt32LE(shard * pieces + index); // no two shards are the same
      writeSync(file, piece);
    }
    closeSync(file);
  }
  settle();
  return pieces * PIECE;
}
