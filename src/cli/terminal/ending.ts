import { EXIT } from "../../model/failure.ts";

/** What stops the command in an orderly way; null while nothing is under way that would need it. */
let stop: ((code: number) => void) | null = null;
/** What to end with, once nothing more can be written. */
let closed: number | null = null;
let interruption: number | null = null;

/** So that every command that was interrupted ends with the code of what interrupted it. */
export const noteInterruption = (code: number): void => void (interruption ??= code);

export const codeToEndWith = (code: number): number =>
  code === EXIT.interrupted ? (interruption ?? code) : code;

/** @param action gets the code to end with */
export function onClosedPipe(action: ((code: number) => void) | null): void {
  stop = action;
  if (closed !== null) stop?.(closed);
}

/**
 * A reader that went away (`aqm list | head`), or a terminal, is no error: what only answers ends at
 * once, what builds stops as if it had been interrupted. No message is possible then. Where the output cannot
 * take more for another reason, such as a full disk, the command stops in the same way, and says why.
 */
export function watchOutput(exit: (code: number) => void): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (closed !== null) return;
    const gone = isGone(error);
    if (!gone) sayUnwritten(error);
    closed = gone ? EXIT.closedPipe : EXIT.actionFailed;
    if (stop !== null) stop(closed);
    else exit(gone ? Number(process.exitCode ?? EXIT.done) : EXIT.actionFailed);
  });
  // Answers go to standard output; without this one the command is merely quiet.
  process.stderr.on("error", () => undefined);
}

export const isGone = ({ code }: NodeJS.ErrnoException): boolean =>
  code === "EPIPE" || code === "EIO" || code === "ERR_STREAM_DESTROYED";

export const sayUnwritten = ({ message }: Error): void =>
  void process.stderr.write(
    `error Standard output cannot be written: ${message}\n  next    Let the output go where there is space, then run the same command again.\n`,
  );
