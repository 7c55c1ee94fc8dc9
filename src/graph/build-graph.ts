import type { ActionDeclaration, Declarations, InputDeclaration } from "../model/declaration.ts";
import type { Failure, SourcePlace } from "../model/failure.ts";
import { whyNotJson } from "../model/json.ts";
import { outputBehind } from "../model/record.ts";
import { err, ok, type Result } from "../model/result.ts";
import { nameClashes } from "./clash.ts";
import { findCycle } from "./cycle.ts";
import { producersOf, type ActionNode, type Graph, type GraphInput } from "./graph.ts";
import {
  enclosingOutputs,
  overlaps,
  recordCollisions,
  swallowedOutputs,
  type EnclosingOutput,
} from "./overlap.ts";
import { checkOutputPath, checkPath } from "./path.ts";
import { placeOf } from "./place.ts";
import { regionClashes } from "./regions.ts";
import { skippedTargets } from "./skipped.ts";

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
  folder: { path: string },
): Failure {
  return {
    reason: "overlapping_output",
    message: `The input ${role} (${path}) lies inside ${folder.path}, which is made as one folder`,
    nextStep:
      "Take the whole folder as the input, or let its action declare the file as an output of its own.",
    target: node.id,
    ...placeOf(node.declaration),
  };
}

function duplicateOutput(
  path: string,
  first: ActionDeclaration,
  second: ActionDeclaration,
): Failure {
  const other = first.declaredAt;
  return {
    reason: "duplicate_output",
    message: `Two actions make ${path}`,
    ...(other === undefined ? {} : { cause: `The other one is declared at ${placeText(other)}.` }),
    nextStep:
      "Two cells of a grid probably lead to the same path: put the axis that tells them apart into it.",
    target: path,
    ...placeOf(second),
  };
}

const placeText = ({ file, line = 0, from }: SourcePlace): string =>
  `${file}:${line}${from === undefined ? "" : `, called at ${placeText(from)}`}`;

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
