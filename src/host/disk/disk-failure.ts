import type { Failure } from "../../model/failure.ts";
import { errorCode, errorText } from "./disk.ts";

/** Calls that change nothing. */
const READING: ReadonlySet<string> = new Set(
  "stat lstat scandir opendir readlink realpath access read".split(" "),
);

/** The failure that an error of the file system is to the user. */
export function diskFailure(error: unknown, file: string, target?: string): Failure {
  const code = errorCode(error);
  const shared = {
    cause: errorText(error),
    place: { file },
    ...(target === undefined ? {} : { target }),
  };
  const syscall = (error as { syscall?: unknown }).syscall;
  if (typeof syscall === "string" && READING.has(syscall)) {
    return {
      reason: "input_unreadable",
      message: `${file} cannot be read`,
      nextStep: "Look at the cause, then run the same command again; nothing was lost.",
      ...shared,
    };
  }
  switch (code) {
    case "ENOSPC":
    case "EDQUOT":
      return {
        reason: "disk_full",
        message: `There is no room left to write ${file}`,
        nextStep: "Free space on this disk, then run the same command again; nothing was lost.",
        ...shared,
      };
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return {
        reason: "not_writable",
        message: `aqm may not write ${file}`,
        nextStep: "Give yourself write permission there, then run the same command again.",
        ...shared,
      };
    default:
      return {
        reason: "not_writable",
        message: `Writing ${file} failed`,
        nextStep: "Look at the cause, then run the same command again; nothing was lost.",
        ...shared,
      };
  }
}
