import { EXIT } from "../../model/failure.ts";

/** What stops the command in an orderly way; null while nothing is under way that would need it. */
let stop: (() => void) | null = null;
let closed = false;
let interruption: number | null = null;

/** So that every command that was interrupted ends with the code of what interrupted it. */
export const noteInterruption = (code: number): void => void (interruption ??= code);

export const codeToEndWith = (code: number): number =>
  code === EXIT.interrupted ? (interruption ?? code) : code;

export function onClosedPipe(action: (() => void) | null): void {
  stop = action;
  if (closed) stop?.();
}

/**
 * A reader that went away (`aqm list | head`), or a terminal, is no error: what only answers ends at
 * once, what builds stops as if it had been interrupted. Nobody is there to be told.
 */
export function watchOutput(exit: (code: number) => void): void {
  const gone = ({ code }: NodeJS.ErrnoException): boolean =>
    code === "EPIPE" || code === "EIO" || code === "ERR_STREAM_DESTROYED";
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (!gone(error)) throw error;
    if (closed) return;
    closed = true;
    if (stop === null) exit(Number(process.exitCode ?? EXIT.done));
    else stop();
  });
  // Answers go to standard output; without this one the command is merely quiet.
  process.stderr.on("error", (error: NodeJS.ErrnoException) => {
    if (!gone(error)) throw error;
  });
}
