import type { ActionDeclaration, Declarations, InputDeclaration } from "../model/declaration.ts";
import type { Failure } from "../model/failure.ts";
import { foldersAbove, onceForEachFolder, parentOf } from "../model/folders.ts";
import { whyNotJson } from "../model/json.ts";
import { outputBehind } from "../model/record.ts";
import { fileOf } from "../model/region.ts";
import { err, ok, type Result } from "../model/result.ts";
import { nameClashes } from "./clash.ts";
import { findCycle } from "./cycle.ts";
import { includeFilter, mayMatchBelow } from "./include.ts";
import { checkOutputPath, checkPath } from "./path.ts";
import { regionClashes } from "./regions.ts";
import { skippedTargets } from "./skipped.ts";

export interface GraphInput extends InputDeclaration {
  readonly role: string;
  /** The action that makes it, and under which role; null for a source. */
  readonly producer: { readonly action: ActionNode; readonly role: string } | null;
}

export interface ActionNode {
  /** The path of the first output: stable, readable, unique. */
  readonly id: string;
  /** Position in topological order. */
  readonly index: number;
  readonly declaration: ActionDeclaration;
  readonly inputs: readonly GraphInput[];
  readonly consumers: readonly ActionNode[];
}

export interface Graph {
  /** In topological order: producers before consumers, ties in declaration order. */
  readonly actions: readonly ActionNode[];
  readonly byOutput: ReadonlyMap<string, { readonly action: ActionNode; readonly role: string }>;
  readonly defaults: readonly string[];
  /** Path → why it is not made. */
  readonly skipped: ReadonlyMap<string, string>;
}

interface MutableNode extends ActionNode {
  index: number;
  inputs: GraphInput[];
  consumers: ActionNode[];
}

/** Checks the declarations and links them. All mistakes are reported together. */
export function buildGraph(declarations: Declarations): Result<Graph, readonly Failure[]> {
  const failures: Failure[] = [];
  const byOutput = new Map<string, { action: MutableNode; role: string }>();
  const nodes: MutableNode[] = [];
  for (const declaration of declarations.actions) {
    const node = nodeOf(declaration, failures);
    if (node === null) continue;
    nodes.push(node);
    for (const [role, output] of Object.entries(declaration.outputs)) {
      const other = byOutput.get(output.path);
      if (other === undefined) byOutput.set(output.path, { action: node, role });
      else failures.push(duplicateOutput(output.path, other.action.declaration, declaration));
    }
  }
  const skipped = skippedTargets(declarations.skipped ?? [], byOutput, failures);
  const enclosing = enclosingOutputs(byOutput);
  for (const node of nodes) link(node, byOutput, enclosing, failures);
  // One by one: a hundred thousand arguments are more than a call may have.
  const found = [
    overlaps(byOutput, enclosing),
    recordCollisions(nodes),
    swallowedOutputs(nodes, byOutput),
    nameClashes(nodes, byOutput),
    regionClashes(nodes, byOutput),
  ];
  for (const failure of found.flat()) failures.push(failure);
  if (failures.length > 0) return err(failures);

  const order = topologicalOrder(nodes);
  if (order.length < nodes.length) {
    const sorted = new Set<ActionNode>(order);
    const cycle = findCycle(nodes.filter((node) => !sorted.has(node)));
    return err([cycleFailure(cycle)]);
  }
  order.forEach((node, index) => (node.index = index));
  return ok({ actions: order, byOutput, defaults: declarations.defaults, skipped });
}

function nodeOf(declaration: ActionDeclaration, failures: Failure[]): MutableNode | null {
  const first = Object.values(declaration.outputs)[0];
  if (first === undefined) {
    failures.push({
      reason: "invalid_declaration",
      message: "An action declares no output, so nothing could ever ask for it",
      ...placeOf(declaration),
    });
    return null;
  }
  const refuse = (message: string, nextStep: string): void => {
    failures.push({
      reason: "invalid_declaration",
      message,
      nextStep,
      target: first.path,
      ...placeOf(declaration),
    });
  };
  const refuseRole = (role: string): void =>
    refuse(
      `The role ${JSON.stringify(role)} is not a name`,
      "Use letters, digits, dots, - and _, beginning with a letter or a digit.",
    );
  const checkPlace = (path: string, problem: string | null): void => {
    if (problem === null) return;
    refuse(
      `The path ${JSON.stringify(path)} ${problem}`,
      "Write it relative to the workspace, with forward slashes.",
    );
  };
  for (const role in declaration.outputs) {
    if (!/^\w[\w.-]*$/.test(role)) refuseRole(role); // it becomes a folder
    const path = declaration.outputs[role]?.path ?? "";
    checkPlace(path, checkPath(path) ?? checkOutputPath(path));
  }
  for (const role in declaration.inputs) {
    if (role === "__proto__") refuseRole(role); // it would vanish
    const input = declaration.inputs[role] ?? { path: "" };
    checkPlace(input.path, checkPath(outputBehind(input)));
  }
  const problem = whyNotJson(declaration.params);
  if (problem !== null) {
    const place = problem.path.startsWith("[") || problem.path === "" ? "" : ".";
    refuse(
      `params${place}${problem.path} is ${problem.what}, which JSON cannot hold`,
      "Params must be plain JSON: strings, numbers, true, false, null, lists, objects.",
    );
  }
  return { id: first.path, index: -1, declaration, inputs: [], consumers: [] };
}

function link(
  node: MutableNode,
  byOutput: ReadonlyMap<string, { action: MutableNode; role: string }>,
  enclosing: EnclosingOutput,
  failures: Failure[],
): void {
  const seen = new Set<ActionNode>();
  const { inputs } = node.declaration;
  for (const role in inputs) {
    const input = inputs[role];
    if (input === undefined) continue;
    const producer = byOutput.get(outputBehind(input)) ?? null;
    const made = producer?.action.declaration.outputs[producer.role];
    const whole = input.kind === made?.kind && input.include === undefined;
    if (made !== undefined && input.kind !== "record" && !whole) {
      failures.push(notAsMade(node, role, input, made.kind));
    }
    if (made?.keep === "local" && input.optional === true && input.kind !== "record") {
      failures.push(optionalLocal(node, role, input));
    }
    node.inputs.push({ ...input, role, producer });
    if (producer === null) {
      const folder = enclosing(input.path);
      if (folder !== null) failures.push(insideFolder(node, role, input.path, folder));
      continue;
    }
    if (!seen.has(producer.action)) {
      seen.add(producer.action);
      producer.action.consumers.push(node);
    }
  }
}

/** Whether `node` also does without what `producer` makes. */
export const isOptional = (node: ActionNode, producer: ActionNode): boolean =>
  node.inputs.every((input) => input.producer?.action !== producer || input.optional === true);

/** Whether `node` reads what is recorded of `producer`: another run of it is news, whatever it made. */
export const readsRecordOf = (node: ActionNode, producer: ActionNode): boolean =>
  node.inputs.some((input) => input.kind === "record" && input.producer?.action === producer);

/** The actions that make what `node` reads. */
export function producersOf({ inputs }: ActionNode): ReadonlySet<ActionNode> {
  if (inputs.every(({ producer }) => producer === null)) return NOBODY;
  const producers = new Set<ActionNode>();
  for (const { producer } of inputs) if (producer !== null) producers.add(producer.action);
  return producers;
}

const NOBODY: ReadonlySet<ActionNode> = new Set();

/** Kahn's algorithm over the declaration order, so that the result is stable. */
function topologicalOrder(nodes: readonly MutableNode[]): MutableNode[] {
  const open = new Map<ActionNode, number>();
  for (const node of nodes) {
    open.set(node, producersOf(node).size);
  }
  const order = nodes.filter((node) => open.get(node) === 0);
  for (let next = 0; next < order.length; next++) {
    for (const consumer of order[next]?.consumers ?? []) {
      const left = (open.get(consumer) ?? 0) - 1;
      open.set(consumer, left);
      if (left === 0) order.push(consumer as MutableNode);
    }
  }
  return order;
}

/** The folder output that a path lies in, if any. */
type EnclosingOutput = (path: string) => { path: string; action: ActionNode } | null;

function enclosingOutputs(
  byOutput: ReadonlyMap<string, { action: MutableNode; role: string }>,
): EnclosingOutput {
  const around = onceForEachFolder<ReturnType<EnclosingOutput>>(null, (folder, outer) => {
    const owner = byOutput.get(folder);
    return owner === undefined ? outer : { path: folder, action: owner.action };
  });
  return (path) => around(parentOf(path));
}

function overlaps(
  byOutput: ReadonlyMap<string, { action: MutableNode; role: string }>,
  enclosing: EnclosingOutput,
): Failure[] {
  const failures: Failure[] = [];
  for (const [path, { action }] of byOutput) {
    const folder = enclosing(path);
    if (folder === null) continue;
    failures.push({
      reason: "overlapping_output",
      message: `The output ${path} lies inside ${folder.path}, which is the output of another role or action`,
      nextStep: "Give each output a place of its own: a folder output is replaced as a whole.",
      target: path,
      ...placeOf(action.declaration),
    });
  }
  return failures;
}

/** A source folder that holds an output would hide who makes that file. */
function swallowedOutputs(
  nodes: readonly ActionNode[],
  byOutput: ReadonlyMap<string, { action: MutableNode; role: string }>,
): Failure[] {
  const folders = new Map<string, { readonly node: ActionNode; readonly input: GraphInput }[]>();
  for (const node of nodes) {
    for (const input of node.inputs) {
      if (input.kind !== "folder" || input.producer !== null) continue;
      const list = folders.get(input.path);
      if (list === undefined) folders.set(input.path, [{ node, input }]);
      else list.push({ node, input });
    }
  }
  if (folders.size === 0) return [];
  const failures: Failure[] = [];
  const isTaken = onceForEachFolder(false, (folder, around) => around || folders.has(folder));
  for (const [path, { action, role }] of byOutput) {
    if (!isTaken(parentOf(path))) continue;
    const kind = action.declaration.outputs[role]?.kind ?? "file";
    for (const folder of foldersAbove(path)) {
      const inside = fileOf({ path, kind }).slice(folder.length + 1);
      const takers = (folders.get(folder) ?? []).filter(
        ({ input }) =>
          includeFilter(input.include)(inside) ||
          (kind === "folder" && mayMatchBelow(input.include, inside)),
      );
      for (const { node, input } of takers)
        failures.push({
          reason: "overlapping_output",
          message: `The input ${input.role} takes the whole folder ${input.path}, in which ${path} is made`,
          nextStep:
            "Take the made file as an input of its own, or leave it out of the folder's include patterns.",
          target: node.id,
          ...placeOf(node.declaration),
        });
    }
  }
  return failures;
}

/** Lock records are files named after targets, so `x` and `x.json/y` would need one path twice. */
function recordCollisions(nodes: readonly ActionNode[]): Failure[] {
  if (!nodes.some(({ id }) => id.includes(".json/"))) return [];
  const records = new Set(nodes.map(({ id }) => `${id}.json`));
  return nodes.flatMap(({ id, declaration }) => {
    for (const folder of foldersAbove(id)) {
      if (!records.has(folder)) continue;
      return [
        {
          reason: "overlapping_output" as const,
          message: `${id} lies in a folder that is named like the lock record of ${folder.slice(0, -".json".length)}`,
          nextStep: "Give one of them another name.",
          target: id,
          ...placeOf(declaration),
        },
      ];
    }
    return [];
  });
}

/** A clone lacks it although its target is fresh, so the reader would be another one there. */
const optionalLocal = (node: ActionNode, role: string, { path }: InputDeclaration): Failure => ({
  reason: "invalid_declaration",
  message: `The input ${role} takes ${path} only if it is there, but that is a local output, which may be absent although nothing has changed`,
  nextStep: `Take it without ifThere(…), or let its action declare it with committed(…).`,
  target: node.id,
  ...placeOf(node.declaration),
});

/** What an action makes is taken whole: its digest is the whole's. */
const notAsMade = (
  node: ActionNode,
  role: string,
  input: InputDeclaration,
  kind: string,
): Failure => ({
  reason: "invalid_declaration",
  message: `The input ${role} takes ${input.path} as a ${input.kind}${input.include === undefined ? "" : " in part"}, but it is made as one ${kind}`,
  nextStep:
    "Take it as it is made, without patterns; or let its action declare the part as an output.",
  target: node.id,
  ...placeOf(node.declaration),
});

function insideFolder(
  node: ActionNode,
  role: string,
  path: string,
  folder: { path: string; action: ActionNode },
): Failure {
  return {
    reason: "overlapping_output",
    message: `The input ${role} (${path}) lies inside ${folder.path}, which is made as one folder`,
    nextStep: `Take the whole folder as the input, or let ${folder.action.id} declare ${path} as an output of its own.`,
    target: node.id,
    ...placeOf(node.declaration),
  };
}

function duplicateOutput(
  path: string,
  first: ActionDeclaration,
  second: ActionDeclaration,
): Failure {
  const at = first.declaredAt;
  return {
    reason: "duplicate_output",
    message: `Two actions make ${path}`,
    ...(at === undefined
      ? {}
      : { cause: `The other one is declared at ${at.file}:${at.line ?? 0}.` }),
    nextStep:
      "Two cells of a grid probably lead to the same path: put the axis that tells them apart into it.",
    target: path,
    ...placeOf(second),
  };
}

function cycleFailure(cycle: readonly ActionNode[]): Failure {
  const path = [...cycle, cycle[0]].map((node) => node?.id ?? "").join(" → ");
  const first = cycle[0];
  return {
    reason: "cycle",
    message: `These actions wait for each other: ${path}`,
    nextStep: "Let one of them take something else as its input.",
    ...(first === undefined ? {} : { target: first.id, ...placeOf(first.declaration) }),
  };
}

const placeOf = (declaration: ActionDeclaration): Pick<Failure, "place"> =>
  declaration.declaredAt === undefined ? {} : { place: declaration.declaredAt };
