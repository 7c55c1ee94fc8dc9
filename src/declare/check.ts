import { didYouMean } from "../model/nearest-name.ts";
import { DeclarationError } from "./host.ts";

/**
 * Types are gone when an Aqmfile is evaluated, and JavaScript lets anything through: what is given to
 * `action` and its like is looked at once, so that a slip is named where it was made.
 */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function wrong(message: string, nextStep: string): never {
  throw new DeclarationError("invalid_declaration", message, nextStep);
}

/** How a value is called in a message. */
export function nameOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return "a list";
  if (typeof value === "string") return `the text ${JSON.stringify(value.slice(0, 60))}`;
  if (value instanceof Promise) return "a promise";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

export function checkPathText(what: string, path: unknown): void {
  if (typeof path !== "string") {
    wrong(`${what} takes a path as text, not ${nameOf(path)}`, `For example ${what}("notes.txt").`);
  }
}

export function checkInclude(include: unknown): void {
  const list = Array.isArray(include) && include.length > 0;
  if (include === undefined || (list && include.every((pattern) => typeof pattern === "string")))
    return;
  wrong(
    `include takes a list of patterns, not ${nameOf(include)}`,
    'For example { include: ["**/*.txt"] }; leave it out to take the whole folder.',
  );
}

export function checkAction(declaration: unknown): void {
  if (!isObject(declaration)) {
    wrong(
      `action(…) was given ${nameOf(declaration)}`,
      "It takes { op, params, inputs, outputs }; params and inputs may be {}.",
    );
  }
  const { op, params, inputs, outputs, resources } = declaration;
  if (!isObject(op) || !isObject(op["declaration"])) {
    wrong(
      `The op of an action is ${nameOf(op)}`,
      "Make it with typescriptOp(…) or pythonOp(…), and hand that over.",
    );
  }
  for (const [name, value] of Object.entries({ params, inputs, outputs })) {
    if (isObject(value)) continue;
    wrong(`The ${name} of an action are ${nameOf(value)}`, `Write ${name}: {} if it has none.`);
  }
  checkPlaces("input", inputs as object, "file(…), folder(…) or from(…)");
  checkPlaces("output", outputs as object, "committed(…) or local(…)");
  checkResources(resources);
}

const KINDS: readonly unknown[] = ["file", "folder"];
const KEEPS: readonly unknown[] = ["committed", "local"];

function checkPlaces(what: "input" | "output", places: object, makers: string): void {
  for (const [role, place] of Object.entries(places) as [string, unknown][]) {
    const given =
      isObject(place) &&
      typeof place["path"] === "string" &&
      KINDS.includes(place["kind"]) &&
      (what === "input" || KEEPS.includes(place["keep"]));
    if (!given) wrong(`The ${what} ${role} is ${nameOf(place)}`, `Declare it with ${makers}.`);
    if (what === "input") checkInclude(place["include"]);
  }
}

function checkResources(resources: unknown): void {
  if (resources === undefined) return;
  if (!isObject(resources)) {
    wrong(`The resources of an action are ${nameOf(resources)}`, "For example { gpu: 1 }.");
  }
  for (const name of ["cpu", "gpu"]) {
    const value = resources[name];
    if (value === undefined || (Number.isSafeInteger(value) && Number(value) >= 0)) continue;
    const text = typeof value === "number" ? String(value) : nameOf(value);
    wrong(`The resource ${name} is ${text}`, "Write a whole number from 0.");
  }
}

export function checkRole(role: unknown, roles: readonly string[]): void {
  if (typeof role === "string" && roles.includes(role)) return;
  wrong(
    `from(…) asks for the output ${typeof role === "string" ? role : nameOf(role)}, which that action does not have`,
    (typeof role === "string" ? didYouMean(role, roles) : undefined) ??
      `It has: ${roles.join(", ") || "none"}.`,
  );
}

export function checkEnvironment(declaration: unknown): void {
  if (!isObject(declaration)) {
    wrong(
      `environment(…) was given ${nameOf(declaration)}`,
      "It takes { name, requirements, lock }.",
    );
  }
  for (const name of ["name", "requirements", "lock"]) {
    const value = declaration[name];
    if (typeof value === "string" && value !== "") continue;
    wrong(`The ${name} of an environment is ${nameOf(value)}`, "Write it as text.");
  }
  for (const name of ["variables", "passed"]) {
    const value = declaration[name];
    const texts = isObject(value) && Object.values(value).every((text) => typeof text === "string");
    if (value === undefined || texts) continue;
    wrong(`The ${name} of an environment are not texts by name`, 'For example { LANG: "C" }.');
  }
}
