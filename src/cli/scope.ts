import * as fs from "node:fs";
import { join } from "node:path";
import { focusOn, type Focus } from "../host/focus.ts";
import { graphPath } from "../host/fresh-snapshot.ts";
import { renewSnapshot, takeSnapshot } from "../host/snapshot-writer.ts";
import { errorCode } from "../host/disk.ts";
import type { Failure } from "../model/failure.ts";
import { ok, type Result } from "../model/result.ts";
import type { Memory, Recalled, Request } from "./recall.ts";
import { openSession, type Session, type SessionOptions } from "./session.ts";

/** What one `aqm build` is about: the whole of what was asked for, or only what has changed since. */
export interface Scope {
  readonly session: Session;
  readonly request: Request;
  /** Null when everything is looked at. */
  readonly focused: (Memory & { readonly focus: Focus }) | null;
}

export async function openScope(
  { request, memory }: Recalled,
  options: SessionOptions,
): Promise<Result<Scope, readonly Failure[]>> {
  const focus = memory === null ? null : focusOf(memory, request);
  const focused = memory === null || focus === null ? null : { ...memory, focus };
  const session = await openSession({ ...options, ...(focus === null ? {} : { focus }) });
  return session.ok ? ok({ session: session.value, request, focused }) : session;
}

function focusOf({ snapshot, changed }: Memory, { state, text }: Request): Focus | null {
  if (fs.existsSync(join(state, "build.lock"))) return null; // somebody may be changing more than that
  return focusOn(snapshot, changed, graphPath(state, text));
}

/** Everything is fresh now: the next time only what has changed by then needs to be looked at. */
export function remember({ session, request, focused }: Scope): void {
  const { evidence, workspace, selection, aqmfile } = session;
  if (!evidence.complete) return;
  const answer = { root: request.root, state: request.state, request: request.text };
  try {
    if (focused === null) {
      takeSnapshot(
        {
          ...answer,
          nodes: selection.needed,
          exact: selection.exact,
          environments: aqmfile.environments,
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
