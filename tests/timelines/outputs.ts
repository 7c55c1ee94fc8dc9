import type { ActionNode } from "../../src/graph/graph.ts";
import { EXIT } from "../../src/model/failure.ts";
import type { Digest } from "../../src/model/digest.ts";
import { UNKNOWN, type ActionRecord } from "../../src/model/record.ts";
import { contentAt, digestOf, type Content, type Place } from "../engine/support/content.ts";
import type { MemoryWorkspace } from "../engine/support/memory.ts";
import { defined } from "../engine/support/results.ts";
import type { Built } from "./play.ts";
import type { Outputs, Project } from "./project.ts";

/*
 * Whether what is there is right, and what is recorded true: judged by contents and by what the ops
 * compute, never by what the engine thinks.
 */

export function present(workspace: MemoryWorkspace, place: Place): Content | null {
  const content = contentAt(workspace.files, place, workspace.records);
  return content instanceof Error ? null : content;
}

/** As records tell of an input that may be absent. */
export function digestThere(workspace: MemoryWorkspace, place: Place): Digest | "absent" {
  const content = present(workspace, place);
  return content === null ? "absent" : digestOf(content);
}

/**
 * P1: after a successful build every output that is there is what a clean build gives, and what must be
 * there is. Of an op that writes something else each time, what its record names counts instead.
 */
export function correct(built: Built, count: () => void): readonly string[] {
  const { outcome, meddled, selection, before, after, project } = built;
  if (outcome.exitCode !== EXIT.done || meddled) return [];
  count();
  const problems: string[] = [];
  const clean = new Map<string, Content>();
  for (const node of selection.needed) {
    const record = after.record(node);
    if (record === null) return [`${node.id} has no record`];
    const inputs = inputsOf(node, record, clean, after, project);
    if (typeof inputs === "string") return [inputs];
    const wanted = project.isSteady(node.id)
      ? project.compute(node, before.opSource(node).version, inputs)
      : recorded(record, project);
    for (const [role, output] of Object.entries(node.declaration.outputs)) {
      const found = present(after, output);
      const content = defined(wanted[role]);
      clean.set(output.path, content);
      if (found === null) {
        const mayLack = output.keep === "local" && !selection.exact.has(output.path);
        if (!mayLack) problems.push(`${output.path} is missing`);
      } else if (digestOf(found) !== digestOf(content)) {
        const [is, should] = [JSON.stringify(found), JSON.stringify(content)];
        problems.push(`${output.path} is ${is}, and a clean build gives ${should}`);
      }
    }
  }
  return problems;
}

function inputsOf(
  node: ActionNode,
  record: ActionRecord,
  clean: ReadonlyMap<string, Content>,
  after: MemoryWorkspace,
  project: Project,
): Outputs | string {
  const inputs: Record<string, Content> = {};
  for (const input of node.inputs) {
    const { role, path, producer, obtain } = input;
    if (input.optional === true) {
      const there = present(after, input);
      if (there !== null) inputs[role] = there;
      continue;
    }
    // What has to be obtained may be missing; then what the record says counts.
    const digest = record.action.inputs[role];
    const unknown = digest === UNKNOWN || digest === "absent";
    const known = obtain === undefined || unknown ? undefined : digest;
    const remembered = known === undefined ? null : project.contentOf(known);
    const content =
      producer === null ? (present(after, input) ?? remembered) : (clean.get(path) ?? null);
    if (content === null) return `${node.id} counts as built although ${path} is missing`;
    inputs[role] = content;
  }
  return inputs;
}

const recorded = (record: ActionRecord, project: Project): Outputs =>
  Object.fromEntries(
    Object.entries(record.outputs).map(([role, { digest }]) => [
      role,
      defined(project.contentOf(digest)),
    ]),
  );

/**
 * P8 and P12: every record, last or past, tells of one run that really happened: it read exactly what
 * the record says and wrote all of what it says. So nothing is mixed from two runs, and an input that
 * changed meanwhile was never recorded.
 */
export function truthful({ before, after, project }: Built, count: () => void): readonly string[] {
  const known = new Set([...before.past, ...before.records.values()].map((record) => record.key));
  const problems: string[] = [];
  for (const record of [...after.records.values(), ...after.past.slice(before.past.length)]) {
    if (!known.has(record.key)) count();
    const outputs = Object.fromEntries(
      Object.entries(record.outputs).map(([role, { digest }]) => [role, digest]),
    );
    if (!project.happened(record.target, record.action, outputs))
      problems.push(`the record of ${record.target} tells of a run that never was`);
  }
  return problems;
}

/** P8: what is built together fits together: a record names what its producers' records have. */
export function consistent(built: Built, count: () => void): readonly string[] {
  const { outcome, meddled, selection, after } = built;
  if (outcome.exitCode !== EXIT.done || meddled) return [];
  const problems: string[] = [];
  for (const node of selection.needed) {
    const record = after.record(node);
    for (const input of node.inputs) {
      const { role, path, producer, optional = false } = input;
      if (producer === null && !optional) continue;
      count();
      const made =
        optional || producer === null
          ? digestThere(after, input)
          : after.record(producer.action)?.outputs[producer.role]?.digest;
      if (record?.action.inputs[role] !== made)
        problems.push(`${node.id} was not made from the ${path} that there is`);
    }
    for (const [role, output] of Object.entries(node.declaration.outputs)) {
      const found = present(after, output);
      if (found !== null && record?.outputs[role]?.digest !== digestOf(found))
        problems.push(`${output.path} is not what its record says`);
    }
  }
  return problems;
}
