import type { Failure } from "../../model/failure.ts";
import { err, type Result } from "../../model/result.ts";
import type { Arguments } from "../language/arguments.ts";
import { variationOf } from "../language/asked-variation.ts";
import { openSession, type Session, type SessionOptions } from "./session.ts";

/** Opens what the arguments of a command ask for: its targets, under `--set` and `--layout`. */
export async function openAsked(
  args: Arguments,
  options: Omit<Partial<SessionOptions>, "variation"> = {},
): Promise<Result<Session, readonly Failure[]>> {
  const variation = variationOf(args);
  if (!variation.ok) return err([variation.error]);
  return openSession({ targets: args.targets, ...options, variation: variation.value });
}
