import * as fs from "node:fs";
import { join } from "node:path";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { roleProblems } from "../../graph/python-roles.ts";
import type { ActionDeclaration } from "../../model/declaration.ts";
import type { Failure } from "../../model/failure.ts";
import { didYouMean } from "../../model/nearest-name.ts";
import type { PythonOpDeclaration } from "../../model/python-op.ts";
import { err, ok, type Result } from "../../model/result.ts";
import { pythonOps } from "../code/python-root.ts";
import { shownPath } from "../code/source-name.ts";
import { errorText, readTextIfExists } from "../disk/disk.ts";
import type { Layout } from "../disk/layout.ts";
import { schemaProblem } from "./schema-problem.ts";

/** Why an op cannot be used at all; without a place, the rule that names it is wrong. */
type Problem = Pick<Failure, "message" | "place" | "nextStep" | "cause">;

interface UsableOp {
  readonly declaration: PythonOpDeclaration;
  readonly validateParams: ValidateFunction;
}

/**
 * The slow half of `python-ops.ts`: every mistake of every action. One in a declaration beside an op is told once,
 * for the first action of the op.
 *
 * @param actions of Python ops, whose params are JSON
 */
export function pythonOpFailures(
  layout: Layout,
  actions: readonly ActionDeclaration[],
): readonly Failure[] {
  const ops = new OpReader(layout);
  const told = new Set<string>();
  return actions.flatMap((action): readonly Failure[] => {
    if (action.op.runtime !== "python") return [];
    const { name } = action.op;
    const target = Object.values(action.outputs)[0]?.path ?? "";
    const declaredAt = action.declaredAt === undefined ? {} : { place: action.declaredAt };
    const op = ops.read(name);
    if (!op.ok) {
      if (told.has(name) && op.error.place !== undefined) return [];
      told.add(name);
      return [{ reason: "invalid_declaration", target, ...declaredAt, ...op.error }];
    }
    return problemsOf(action, op.value).map(({ message, part, hint }) => ({
      reason: "invalid_declaration",
      message: `The op ${name}: ${message}`,
      target,
      ...declaredAt,
      nextStep: sentences(hint, `${ops.shown(`${name}.json`)} declares ${part}.`),
    }));
  });
}

interface ActionProblem {
  readonly message: string;
  /** What is wrong with it, as a part of the op's declaration. */
  readonly part: string;
  readonly hint: string | undefined;
}

/** Roles can go by params, so wrong params are told first. */
function problemsOf(
  action: ActionDeclaration,
  { declaration, validateParams }: UsableOp,
): readonly ActionProblem[] {
  if (validateParams(action.params)) return roleProblems(action, declaration);
  return (validateParams.errors ?? []).map((error) => {
    const { path, extra, message, hint } = schemaProblem(error, "params");
    const missing = (error.params as { readonly missingProperty?: string }).missingProperty;
    const part = ["params", ...path, ...[extra ?? missing ?? []].flat()].join(".");
    return { message, part: extra === undefined ? part : `no ${part}`, hint };
  });
}

const sentences = (...texts: readonly (string | undefined)[]): string =>
  texts.filter((text) => text !== undefined).join(" ");

const ajv = new Ajv2020({
  allErrors: true,
  verbose: true,
  strict: true,
  strictRequired: false,
  strictTypes: false,
});

/** The check of declarations themselves. It is this aqm's own, since this code must understand what passes. */
let declarationCheck: ValidateFunction<PythonOpDeclaration> | undefined;

function checkOfDeclarations(packageRoot: string): ValidateFunction<PythonOpDeclaration> {
  return (declarationCheck ??= ajv.compile<PythonOpDeclaration>(
    JSON.parse(
      fs.readFileSync(join(packageRoot, "python/aqm_runner/schemas/op.schema.json"), "utf8"),
    ) as object,
  ));
}

/** Usable declarations by their text: `aqm watch` looks at the same ones after every edit, and compiling is slow. */
const usable = new Map<string, UsableOp>();

/** Reads and checks declarations, each once. */
class OpReader {
  readonly #layout: Layout;
  readonly #folder: string;
  readonly #known = new Map<string, Result<UsableOp, Problem>>();

  constructor(layout: Layout) {
    this.#layout = layout;
    this.#folder = pythonOps(layout);
  }

  /** A file among the ops as a person would open it. */
  shown(name: string): string {
    return shownPath(this.#layout, join(this.#folder, name));
  }

  read(name: string): Result<UsableOp, Problem> {
    let op = this.#known.get(name);
    if (op === undefined) this.#known.set(name, (op = this.#read(name)));
    return op;
  }

  #read(name: string): Result<UsableOp, Problem> {
    const file = this.shown(`${name}.json`);
    const text = readTextIfExists(join(this.#folder, `${name}.json`));
    const hasModule = fs.existsSync(join(this.#folder, `${name}.py`));
    if (text === null && !hasModule) return err(this.#unknownOp(name));
    if (text === null)
      return err({
        message: `The Python op ${name} has no declaration: ${file} is missing`,
        place: { file: this.shown(`${name}.py`) },
        nextStep: `Write ${file}: "Add a Python op" in docs/contributing.md says what stands in it.`,
      });
    if (!hasModule)
      return err({
        message: `The Python op ${name} has no module: ${this.shown(`${name}.py`)} is missing`,
        place: { file },
        nextStep: "Write the module, or correct the name of the declaration.",
      });
    const known = usable.get(text);
    if (known !== undefined) return ok(known);
    const op = this.#declared(text, file);
    if (op.ok) usable.set(text, op.value);
    return op;
  }

  #declared(text: string, file: string): Result<UsableOp, Problem> {
    const place = { file };
    let declaration: unknown;
    try {
      declaration = JSON.parse(text);
    } catch (error) {
      const nextStep = "Correct it and run the same command again.";
      return err({ message: `${file} is not JSON`, cause: errorText(error), place, nextStep });
    }
    const isDeclaration = checkOfDeclarations(this.#layout.packageRoot);
    if (!isDeclaration(declaration)) {
      const [error] = isDeclaration.errors ?? [];
      if (error === undefined) throw new Error("a schema refused without a reason");
      const { message, hint } = schemaProblem(error, "it");
      const nextStep = sentences(
        hint,
        "aqm_runner/schemas/op.schema.json says what stands in a declaration.",
      );
      return err({ message: `${file} is no declaration of an op: ${message}`, place, nextStep });
    }
    try {
      return ok({ declaration, validateParams: ajv.compile(declaration.params) });
    } catch (error) {
      const message = `The params of ${file} are no valid JSON Schema`;
      const nextStep = "Correct the schema, draft 2020-12.";
      return err({ message, cause: errorText(error), place, nextStep });
    }
  }

  #unknownOp(name: string): Problem {
    const names = fs.existsSync(this.#folder)
      ? fs.readdirSync(this.#folder).flatMap((entry) => /^(\w+)\.json$/.exec(entry)?.[1] ?? [])
      : [];
    const folder = this.shown("");
    return {
      message: `There is no Python op ${name}: ${folder}/${name}.json and ${name}.py are missing`,
      nextStep:
        didYouMean(name, names) ?? `Ops in ${folder} are: ${names.sort().join(", ") || "none"}.`,
    };
  }
}
