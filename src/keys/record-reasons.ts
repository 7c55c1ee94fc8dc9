import type { ActionNode } from "../graph/graph.ts";
import type { RecordedSetting } from "../model/comparison.ts";
import { shortDigest } from "../model/digest.ts";
import type { Json, JsonObject } from "../model/json.ts";
import { ABSENT, UNKNOWN, type ActionRecord } from "../model/record.ts";
import type { LikelyReason } from "../model/reproduction.ts";
import { differences } from "./difference.ts";

/** The record of an action on one side; null where there is none. */
export type RecordOf = (node: ActionNode) => ActionRecord | null;

/**
 * In what the runs differ that made a result here and the published one: settings, code, environment, versions,
 * device, and, followed to where they were made, inputs. Empty where a side has no record.
 */
export function recordReasons(
  node: ActionNode,
  published: RecordOf,
  made: RecordOf,
): readonly LikelyReason[] {
  const seen = new Set<ActionNode>();
  const found: LikelyReason[] = [];
  const visit = (at: ActionNode): boolean => {
    if (seen.has(at)) return true;
    seen.add(at);
    const [before, now] = [published(at), made(at)];
    if (before === null || now === null) return false;
    found.push(...ownReasons(at, before, now));
    for (const input of at.inputs) {
      if (input.kind === "record") continue;
      const [old, fresh] = [before, now].map(({ action }) => action.inputs[input.role]);
      if (old === fresh) continue;
      const followed = input.producer !== null && visit(input.producer.action);
      if (followed) continue;
      found.push({
        what: "content of an input",
        field: `inputs.${input.role} (${input.path})`,
        published: digestText(old),
        made: digestText(fresh),
        source: "records",
        target: at.id,
      });
    }
    return true;
  };
  visit(node);
  return found;
}

function ownReasons(
  { id, declaration }: ActionNode,
  before: ActionRecord,
  now: ActionRecord,
): readonly LikelyReason[] {
  const reason = (
    what: string,
    field: string,
    published: string | null,
    made: string | null,
  ): LikelyReason => ({ what, field, published, made, source: "records", target: id });
  const name = declaration.op.runtime === "python" ? declaration.op.name : declaration.op.module;
  const found: LikelyReason[] = [];
  for (const { field, old, new: made } of differences(before.action.params, now.action.params))
    found.push(reason(`setting ${field}`, `params.${field}`, valueText(old), valueText(made)));
  const code = differences(before.action.op, now.action.op);
  if (code.length > 0) {
    const files = code.filter(({ path }) => path[0] === "sources").map(({ path }) => path[1] ?? "");
    const said = files.length === 0 ? "" : `: ${files.slice(0, 3).join(", ")}`;
    const more = files.length > 3 ? ` and ${files.length - 3} more` : "";
    found.push(
      reason(`code of the op ${name}`, `op${said}${more}`, versionText(before), versionText(now)),
    );
  }
  const [old, made] = [before.action.environment, now.action.environment];
  if (old !== null && made !== null && old.lock !== made.lock)
    found.push(
      reason(
        `packages of the environment ${made.name}`,
        "environment.lock",
        shortDigest(old.lock),
        shortDigest(made.lock),
      ),
    );
  for (const { field, old: from, new: to } of differences(before.tools, now.tools))
    found.push(reason(`version of ${field}`, `tools.${field}`, valueText(from), valueText(to)));
  for (const { field, old: from, new: to } of differences(devices(before), devices(now)))
    found.push(reason("device", `facts.${field}`, valueText(from), valueText(to)));
  return found;
}

/** Versions, device and day of the runs on both sides, the same or not; a side without a record says nothing. */
export function recordedWith(
  published: ActionRecord | null,
  made: ActionRecord | null,
): readonly RecordedSetting[] {
  const said = (record: ActionRecord | null): ReadonlyMap<string, string | null> =>
    new Map([
      ...Object.entries(record === null ? {} : devices(record)).map(
        ([name, value]) => [name.replaceAll("_", " "), valueText(value)] as const,
      ),
      ...Object.entries(record?.tools ?? {}).map(
        ([name, version]) => [`package ${name}`, version] as const,
      ),
      ["day of the run", record?.made_on ?? null] as const,
    ]);
  const [before, now] = [said(published), said(made)];
  return [...new Set([...now.keys(), ...before.keys()])].flatMap((name) => {
    const [old, fresh] = [before.get(name) ?? null, now.get(name) ?? null];
    return old === null && fresh === null
      ? []
      : [{ what: name, field: name, published: old, made: fresh }];
  });
}

const versionText = ({ action: { op } }: ActionRecord): string =>
  op.code === null ? `version ${op.version}` : `version ${op.version}, ${shortDigest(op.code)}`;

/** What a run says of the device that it ran on. */
const devices = ({ facts }: ActionRecord): JsonObject =>
  Object.fromEntries(Object.entries(facts).filter(([name]) => name.includes("device")));

function digestText(digest: string | undefined): string | null {
  if (digest === undefined || digest === UNKNOWN) return null;
  return digest === ABSENT ? "not there" : shortDigest(digest);
}

const valueText = (value: Json | undefined): string | null =>
  value === undefined ? null : typeof value === "string" ? value : JSON.stringify(value);
