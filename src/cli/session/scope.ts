import * as fs from "node:fs";
import { join } from "node:path";
import { focusOn, type Focus } from "../../host/snapshot/focus.ts";
import { graphPath } from "../../host/snapshot/fresh-snapshot.ts";
import { renewSnapshot } from "../../host/snapshot/snapshot-renewal.ts";
import { takeSnapshot } from "../../host/snapshot/snapshot-writer.ts";
import { errorCode } from "../../host/disk/disk.ts";
import type { Plan } from "../../plan/plan.ts";
import type { Failure } from "../../model/failure.ts";
import { ok, type Result } from "../../model/result.ts";
import type { Arguments } from "../language/arguments.ts";
import { groupSkipped, type SkippedGroup } from "../../model/skipped.ts";
import type { Memory, Recalled, Request } from "./recall.ts";
import { openAsked } from "./asked.ts";
import type { Session, SessionOptions } from "./session.ts";

/** What one `aqm build` is about: the whole of what was asked for, or only what has changed since. */
export interface Scope {
  readonly session: Session;
  /** Null when the answer is not to be remembered. */
  readonly request: Request | null;
  /** Null when everything is looked at. */
  readonly focused: Focused | null;
}

export interface Focused extends Memory {
  readonly focus: Focus;
}

export async function openScope(
  { request, memory }: Recalled,
  args: Arguments,
  options: Pick<SessionOptions, "gpus" | "python" | "force" | "executor">,
): Promise<Result<Scope, readonly Failure[]>> {
  const rerun = args.values("rerun");
  const focused = focusOf(memory, request);
  const focus = focused === null ? {} : { focus: focused.focus };
  const session = await openAsked(args, { ...options, ...focus, rerun });
  // What a rerun leads to is no answer to the request without it.
  const remembered = rerun.length > 0 ? null : request;
  return session.ok ? ok({ session: session.value, request: remembered, focused }) : session;
}

/** Null when everything must be looked at. */
export function focusOf(memory: Memory | null, { state, text }: Request): Focused | null {
  // With a lock held, somebody may be changing more than has changed so far.
  if (memory === null || fs.existsSync(join(state, "build.lock"))) return null;
  const focus = focusOn(memory.snapshot, memory.changed, graphPath(state, text));
  return focus === null ? null : { ...memory, focus };
}

/** What was asked for and is not made; of a focused request, what the whole answer left out. */
export const skippedIn = ({ session, focused }: Scope): readonly SkippedGroup[] =>
  focused?.snapshot.header.skipped ?? groupSkipped(session.selection.skipped);

/** What of a session an answer is made of. */
interface Answered {
  readonly session: Pick<Session, "evidence" | "selection"> & {
    readonly workspace: Pick<Session["workspace"], "records">;
    readonly aqmfile: Pick<Session["aqmfile"], "environments" | "cache" | "slurm">;
  };
  readonly request: Request | null;
  readonly focused: Focused | null;
}

/** Everything is fresh now: the next time only what has changed by then needs to be looked at. */
export function remember(
  { session, request, focused }: Answered,
  plan: Pick<Plan, "actions">,
): void {
  const { evidence, workspace, selection, aqmfile } = session;
  if (request === null || !evidence.complete) return;
  // What adopted results stand for was not judged, so it must not be narrowed to when it changes.
  if (plan.actions.length < selection.needed.length) return;
  const answer = { root: request.root, state: request.state, request: request.text };
  try {
    if (focused === null) {
      takeSnapshot(
        {
          ...answer,
          nodes: selection.needed,
          exact: selection.exact,
          environments: aqmfile.environments,
          cache: aqmfile.cache,
          slurm: aqmfile.slurm,
          skipped: groupSkipped(selection.skipped),
          recordPath: (target) => workspace.records.pathOf(target),
        },
        evidence,
      );
    } else {
      const { snapshot, changed, focus } = focused;
      renewSnapshot(answer, snapshot, changed, focus.touched, evidence);
    }
  } catch (error) {
    if (errorCode(error) === "") throw error; // else it is only a cache, on a disk that cannot take it
  }
}
