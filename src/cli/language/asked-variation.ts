import type { Failure } from "../../model/failure.ts";
import { err, ok, type Result } from "../../model/result.ts";
import type { Arguments } from "./arguments.ts";

/** What was asked for beside targets: `key=value` terms, and where results go. */
export interface Variation {
  readonly terms: readonly string[];
  /** Whether a term may list several values. */
  readonly many: boolean;
  readonly layout: "publish" | "tmp";
}

/** What `--set` and `--layout` ask for; null where they ask for the Aqmfile as it is. */
export function variationOf(args: Arguments): Result<Variation | null, Failure> {
  const terms = args.values("set");
  const layout = layoutOf(args);
  if (!layout.ok) return layout;
  if (terms.length === 0 && layout.value === "publish") return ok(null);
  return ok({ terms, many: false, layout: layout.value });
}

/** What `--layout` says. */
export function layoutOf(args: Arguments): Result<Variation["layout"], Failure> {
  const name = args.value("layout") ?? "publish";
  if (name === "tmp" || name === "publish") return ok(name);
  return err({
    reason: "usage",
    message: `There is no layout ${name}`,
    nextStep: "Take publish (where the Aqmfile says) or tmp (the same tree below tmp/).",
  });
}
