import { execFileSync } from "node:child_process";

/** Runs one Python program over all of `input`: a process for many values. */
export function python(program: string, input: string): string {
  return execFileSync("python3", ["-c", program], {
    input,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
}
