import { errorCode } from "./disk.ts";

/**
 * Makes a change of the disk that may fail without harm.
 *
 * @returns what the operating system said, or null when the change is made; any other error is thrown on
 */
export function attempt(change: () => void): Error | null {
  try {
    change();
    return null;
  } catch (error) {
    if (!(error instanceof Error) || errorCode(error) === "") throw error;
    return error;
  }
}
