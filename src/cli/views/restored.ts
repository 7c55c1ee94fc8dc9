import type { Replaced } from "../../ports.ts";
import { oneLine } from "../../ui/escape.ts";
import type { Colours } from "../../ui/reporter.ts";

/** What `aqm restore` did, or would do. */
export interface RestoreAnswer {
  readonly restored: string[];
  /** How many outputs are as recorded already. */
  inPlace: number;
  /** What was in the place of a restored output and is of no record, and where that is now. */
  readonly kept: Replaced[];
  /** Outputs that are still not as recorded, and why. */
  readonly left: { readonly path: string; readonly why: string }[];
  /** How many actions of a folder or glob have no record. */
  neverBuilt: number;
  /** Records that cannot be read, and what was put right before. */
  readonly notices: string[];
}

export function restoredText(
  { restored, inPlace, kept, left, neverBuilt, notices }: RestoreAnswer,
  dryRun: boolean,
  colours: Colours,
): string {
  const done = dryRun ? "would restore" : "restored";
  const lines = [
    ...notices.map((text) => `${colours.cyan("notice")} ${oneLine(text)}`),
    ...restored.map((path) => `${colours.green(done)} ${oneLine(path)}`),
    ...kept.map((one) =>
      oneLine(`kept ${one.kept}, which was at ${one.path} and was not made by aqm`),
    ),
    ...left.map(({ path, why }) => `${colours.red("not restored")} ${oneLine(`${path}: ${why}`)}`),
  ];
  const counts = [
    `${restored.length} ${dryRun ? "to restore" : "restored"}`,
    `${inPlace} in place`,
    ...(left.length > 0 ? [`${left.length} not restored`] : []),
    ...(neverBuilt > 0 ? [`${neverBuilt} never built`] : []),
  ];
  return [...lines, counts.join(", ")].join("\n");
}

export const restoredJson = (answer: RestoreAnswer, exitCode: number): object => ({
  ...answer,
  exitCode,
});
