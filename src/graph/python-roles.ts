import type { ActionDeclaration } from "../model/declaration.ts";
import type { Json, JsonObject } from "../model/json.ts";
import { didYouMean, nearestName } from "../model/nearest-name.ts";
import type { PythonOpDeclaration, RoleKinds } from "../model/python-op.ts";

export interface RoleProblem {
  readonly message: string;
  /** What is wrong with it, as a part of the op's declaration. */
  readonly part: string;
  /** The right name, where one is near. */
  readonly hint: string | undefined;
}

type Places = ActionDeclaration["inputs"] | ActionDeclaration["outputs"];

/** What an action with valid params gives the op otherwise than the op's declaration says. */
export function roleProblems(
  { params, inputs, outputs }: ActionDeclaration,
  op: PythonOpDeclaration,
): readonly RoleProblem[] {
  const required = requiredInputs(params, op);
  const problems = [
    ...wrongRoles("input", inputs, required, op.optionalInputs ?? {}),
    ...wrongRoles("output", outputs, op.outputs, {}),
  ];
  for (const [role, input] of Object.entries(inputs)) {
    if (input.optional !== true || !Object.hasOwn(required, role)) continue;
    const message = `the input ${role} is taken only if it is there, but the op always needs it`;
    problems.push({ message, part: `the input ${role}`, hint: "Take it without ifThere(…)." });
  }
  return problems;
}

function requiredInputs(params: JsonObject, op: PythonOpDeclaration): RoleKinds {
  const more = Object.entries(op.inputsBy ?? {}).map(
    ([param, byValue]) => byValue[asKey(params[param])] ?? {},
  );
  return Object.assign({}, op.inputs, ...more) as RoleKinds;
}

const asKey = (value: Json | undefined): string =>
  typeof value === "string" ? value : JSON.stringify(value ?? null);

function wrongRoles(
  what: "input" | "output",
  given: Places,
  required: RoleKinds,
  optional: RoleKinds,
): RoleProblem[] {
  const known = { ...required, ...optional };
  const missing = new Set(Object.keys(required).filter((role) => !Object.hasOwn(given, role)));
  const problems: RoleProblem[] = [];
  for (const [role, { kind }] of Object.entries<Places[string]>(given)) {
    const part = `the ${what} ${role}`;
    const wanted = Object.hasOwn(known, role) ? known[role] : undefined;
    // Of a region an op writes the content, to a file of its own.
    const handed = kind === "region" ? "file" : kind;
    if (wanted === undefined) {
      // A role by a wrong name is one mistake, not a missing one and an unknown one.
      const [only] = missing.size === 1 ? missing : [];
      const meant = nearestName(role, missing) ?? only;
      if (meant !== undefined) missing.delete(meant);
      problems.push({
        message: `there is no ${what} ${role} with these params`,
        part: meant === undefined ? `no ${what} ${role}` : `the ${what} ${meant}`,
        hint: meant === undefined ? didYouMean(role, Object.keys(known)) : `Did you mean ${meant}?`,
      });
    } else if (wanted !== handed)
      problems.push({ message: `${part} is a ${wanted}, not a ${kind}`, part, hint: undefined });
  }
  const absent = [...missing].map((role): RoleProblem => {
    const part = `the ${what} ${role}`;
    return { message: `${part} is missing`, part, hint: undefined };
  });
  return [...absent, ...problems];
}
