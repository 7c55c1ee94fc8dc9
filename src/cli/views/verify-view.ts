import type { CheckedFile, Verification } from "../../host/observe/verify.ts";
import { shortDigest } from "../../model/digest.ts";
import { oneLine } from "../../ui/escape.ts";
import { plural } from "../../ui/format.ts";
import type { Colours } from "../../ui/reporter.ts";
import type { RerunOrReason } from "../session/rerun.ts";

const STATE: Readonly<Record<Verification["state"], string>> = {
  verified: "verified",
  missing_local_output: "missing local output",
  changed: "changed",
  never_built: "never built",
  no_record: "no record",
  damaged_record: "damaged record",
};

/** One line a target, what is wrong with it below, and a count. */
export function verifyText(
  verifications: readonly Verification[],
  reruns: readonly RerunOrReason[],
  colours: Colours,
): string {
  const byTarget = new Map(reruns.map((rerun) => [rerun.target, rerun]));
  const lines: string[] = [];
  for (const { target, state, outputs, inputs } of verifications) {
    // There is nothing to say of one but that there are so many; a target named by itself is no crowd.
    if (state === "never_built" && verifications.length > 1) continue;
    const right = state === "verified" || state === "missing_local_output";
    const paint = right ? colours.green : colours.red;
    const absent = state === "missing_local_output" ? outputs.filter(isAbsent) : [];
    lines.push(`${paint(STATE[state].padEnd(20))} ${oneLine(namesOf(target, absent))}`);
    for (const file of outputs)
      if (file.state !== "verified" && !absent.includes(file)) lines.push(fileLine("output", file));
    for (const file of inputs) {
      if (!["verified", "absent", "unrecorded"].includes(file.state))
        lines.push(fileLine("input", file));
    }
    const rerun = byTarget.get(target);
    if (rerun !== undefined) lines.push(...rerunLines(rerun, colours));
  }
  const counts = Object.entries(STATE).flatMap(([state, text]) => {
    const count = verifications.filter((item) => item.state === state).length;
    return count === 0 ? [] : [`${count} ${text}`];
  });
  const same = reruns.filter(({ state }) => state === "same").length;
  const again = reruns.length === 0 ? "" : `; ran again: ${same} of ${reruns.length} the same`;
  lines.push(`${plural(verifications.length, "target")}: ${counts.join(", ")}${again}`);
  return lines.join("\n");
}

const isAbsent = ({ state }: CheckedFile): boolean => state === "absent";

/** What a line is about: the outputs that are not here, else the target, which may well be here. */
function namesOf(target: string, absent: readonly CheckedFile[]): string {
  if (absent.length === 0) return target;
  const names = absent.map(({ path }) => path);
  return `${names.join(", ")}${names.includes(target) ? "" : `, made with ${target}`}`;
}

function fileLine(what: string, { path, state, recorded, found, error }: CheckedFile): string {
  const digests = `${shortDigest(recorded ?? "(none)")} → ${shortDigest(found ?? "(none)")}`;
  const how = state === "changed" ? `changed: ${digests}` : state === "absent" ? "not here" : state;
  return oneLine(`    ${what} ${path} is ${how}${error === undefined ? "" : `: ${error}`}`);
}

function rerunLines(rerun: RerunOrReason, colours: Colours): readonly string[] {
  const { state, differences, devices, failure, reason } = rerun;
  const lines: string[] = [];
  if (state === "same") lines.push(colours.green("    ran again: the same bytes"));
  if (state === "not_run")
    lines.push(colours.yellow(`    not run again: ${oneLine(reason ?? "")}`));
  if (state === "failed")
    lines.push(colours.red(`    ran again and failed: ${oneLine(failure?.message ?? "")}`));
  for (const { path, first } of differences) {
    lines.push(colours.red(`    ran again: ${oneLine(path)} differs: ${oneLine(first)}`));
  }
  if (devices !== null) {
    const name = (kind: unknown): string => (typeof kind === "string" ? kind : "an unknown device");
    lines.push(
      oneLine(`    recorded on ${name(devices.recorded)}, run again on ${name(devices.now)}`),
    );
  }
  return lines;
}

export const verifyJson = (
  verifications: readonly Verification[],
  reruns: readonly RerunOrReason[],
  exitCode: number,
): object => {
  const byTarget = new Map(reruns.map(({ target, ...rerun }) => [target, rerun]));
  return {
    targets: verifications.map((verification) => {
      const rerun = byTarget.get(verification.target);
      return { ...verification, ...(rerun === undefined ? {} : { rerun }) };
    }),
    exitCode,
  };
};
