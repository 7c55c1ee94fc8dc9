import * as fs from "node:fs";
import type { Failure } from "../../model/failure.ts";
import { errorCode } from "../disk/disk.ts";
import type { RunnerEvent } from "../python/runner/events.ts";
import type { RunnerSchemas } from "../python/runner/schemas.ts";

/** Bytes at a time. */
const PIECE = 1 << 20;

/** Reads the events of a job as its file grows, however often that is begun from the start. */
export class EventTail {
  readonly #path: string;
  readonly #schemas: Pick<RunnerSchemas, "isEvent">;
  #offset = 0;
  #rest = Buffer.alloc(0);
  #nextSeq = 0;
  /** A line that the protocol does not allow: nothing behind it is believed. */
  bad: string | null = null;

  constructor(path: string, schemas: Pick<RunnerSchemas, "isEvent">) {
    this.#path = path;
    this.#schemas = schemas;
  }

  /** Whole lines that came since the last call. Returns whether the file had grown. */
  read(listener: (event: RunnerEvent) => void): boolean {
    const before = this.#offset;
    for (const line of this.#lines()) {
      if (this.bad !== null) break;
      const event = parsed(line);
      if (!this.#schemas.isEvent(event) || event.seq !== this.#nextSeq) this.bad = line;
      else {
        this.#nextSeq += 1;
        listener(event);
      }
    }
    return this.#offset > before;
  }

  /** Opened anew each time: so a network file system asks its server for what is there. */
  #lines(): readonly string[] {
    let handle: number;
    try {
      handle = fs.openSync(this.#path, "r");
    } catch (error) {
      if (errorCode(error) === "ENOENT") return [];
      throw error;
    }
    const lines: string[] = [];
    try {
      const piece = Buffer.alloc(PIECE);
      for (;;) {
        const count = fs.readSync(handle, piece, 0, PIECE, this.#offset);
        if (count === 0) return lines;
        this.#offset += count;
        const text = Buffer.concat([this.#rest, piece.subarray(0, count)]);
        const end = text.lastIndexOf("\n") + 1;
        this.#rest = Buffer.from(text.subarray(end));
        lines.push(
          ...text
            .toString("utf8", 0, end)
            .split("\n")
            .filter((line) => line !== ""),
        );
      }
    } finally {
      fs.closeSync(handle);
    }
  }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}

export const badEvent = (line: string): Failure => ({
  reason: "runner_protocol",
  message: "The Python process of a job wrote an event that the protocol does not allow",
  cause: line.slice(0, 300),
  nextStep: "docs/runner-protocol.md says what may be sent; this is a mistake in the runner.",
});
