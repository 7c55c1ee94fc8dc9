import { whyNotInside } from "../model/inside.ts";
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

export function checkExpectations(expect: unknown): void {
  const texts = (list: unknown): boolean =>
    list === undefined || (Array.isArray(list) && list.every((each) => typeof each === "string"));
  const sound = (each: unknown): boolean =>
    isObject(each) &&
    whyNotInside(each["file"]) === null &&
    typeof each["otherwise"] === "string" &&
    texts(each["at"]) &&
    texts(each["oneOf"]);
  if (expect === undefined || (Array.isArray(expect) && expect.every(sound))) return;
  wrong(
    `expect takes a list of what files of the folder must say, not ${nameOf(expect)}`,
    'For example { expect: [{ file: "config.json", at: ["kind"], oneOf: ["a"], otherwise: "set kind" }] }.',
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
  checkPlaces("input", inputs as object, "file(…), folder(…), from(…) or recordOf(…)");
  checkRecords(op["declaration"], inputs as object);
  checkPlaces("output", outputs as object, "committed(…), local(…) or region(…)");
  checkResources(resources);
  checkBatch(declaration["batch"], op["declaration"], params as object, inputs as object);
  checkResumable(declaration["resumable"], op["declaration"], params as object);
  checkExpected(declaration["expected"], resources);
  checkPrepares(declaration["prepares"]);
}

const isCount = (value: unknown, least: number): boolean =>
  Number.isSafeInteger(value) && Number(value) >= least;

function checkBatch(batch: unknown, op: object, params: object, inputs: object): void {
  if (batch === undefined) return;
  const example = 'For example { apart: ["format"] }.';
  if (!isObject(batch) || !Array.isArray(batch["apart"]))
    wrong("The batch of an action names no params or inputs in which its members differ", example);
  const { apart, most, shared, alike } = batch as Readonly<Record<string, unknown>> & {
    apart: readonly unknown[];
  };
  if (!("runtime" in op) || op.runtime !== "python")
    wrong("Only actions of Python ops run in batches", "Leave batch out: this op runs within aqm.");
  for (const name of apart) {
    const places = [params, inputs].filter((names) => Object.hasOwn(names, String(name)));
    if (typeof name === "string" && places.length === 1) continue;
    if (places.length > 1)
      wrong(
        `The batch of an action sets apart ${nameOf(name)}, which is both a param and an input`,
        "Give one of them another name: the members of a batch differ in one of the two.",
      );
    wrong(
      `The batch of an action sets apart ${nameOf(name)}, which is none of its params and inputs`,
      didYouMean(String(name), [...Object.keys(params), ...Object.keys(inputs)]) ?? example,
    );
  }
  if (most !== undefined && !isCount(most, 1))
    wrong("The most that a batch takes is not a whole number from 1", "For example { most: 16 }.");
  if (shared !== undefined && !(typeof shared === "number" && shared >= 0 && shared <= 1))
    wrong(
      "The part that a batch shares is not a number from 0 to 1",
      "For example { shared: 0.5 }.",
    );
  if (alike !== undefined && typeof alike !== "string")
    wrong(
      "What makes members of a batch alike is no text",
      "Give members that share more than others do the same word.",
    );
}

function checkResumable(resumable: unknown, op: object, params: object): void {
  if (resumable === undefined) return;
  const example = 'For example { bounds: ["max_items"] }; [] if the number of items is fixed.';
  if (!isObject(resumable) || !Array.isArray(resumable["bounds"]))
    wrong("The resumable of an action names no list of bounds", example);
  if (!("runtime" in op) || op.runtime !== "python")
    wrong(
      "Only actions of Python ops are resumable",
      "Leave resumable out: this op runs within aqm.",
    );
  const given = params as Readonly<Record<string, unknown>>;
  for (const name of resumable["bounds"] as readonly unknown[]) {
    if (typeof name !== "string" || !Object.hasOwn(given, name))
      wrong(
        `The resumable of an action bounds ${nameOf(name)}, which is not one of its params`,
        didYouMean(String(name), Object.keys(given)) ?? example,
      );
    if (given[name] === null || isCount(given[name], 0)) continue;
    wrong(
      `The bound ${name} of a resumable action is ${nameOf(given[name])}, not a count of items`,
      "Give a whole number from 0, or null for no bound. Time is no bound: what is done by then differs.",
    );
  }
}

function checkPrepares(words: unknown): void {
  if (words === undefined) return;
  const next = 'Letters, digits, _, . and -, for example { prepares: ["kernels"] }.';
  if (!Array.isArray(words)) wrong(`What an action prepares is ${nameOf(words)}, not a list`, next);
  for (const word of words) {
    if (typeof word === "string" && /^\w[\w.-]*$/.test(word)) continue;
    wrong(`An action prepares ${nameOf(word)}, which is no word`, next);
  }
}

function checkExpected(expected: unknown, resources: unknown): void {
  if (expected === undefined) return;
  const given = isObject(expected) ? expected : {};
  const { work = {}, growth, gpuSeconds, gpuMemoryBytes = [0, 0], because } = given;
  const isRange = (range: unknown): boolean =>
    Array.isArray(range) &&
    range.length === 2 &&
    range.every(Number.isFinite) &&
    0 <= range[0] &&
    range[0] <= range[1];
  const counts = isObject(work) && Object.values(work).every((count) => Number(count) >= 0);
  if (!(isRange(gpuSeconds) && isRange(gpuMemoryBytes) && counts && typeof because === "string"))
    wrong(
      "The expected cost of an action is not a range of finite numbers with a reason",
      'For example { gpuSeconds: [10, 60], because: "measured on one H200" }.',
    );
  checkGrowth(growth, Object.keys(work));
  const most = isObject(resources) ? resources["seconds"] : undefined;
  const [, high] = gpuSeconds as readonly [number, number];
  if (typeof most === "number" && high > most)
    wrong(
      `An action is expected to take up to ${high} s, and its resources ask for ${most}`,
      "Let the resources ask for more seconds, or for none.",
    );
}

function checkGrowth(growth: unknown, counts: readonly string[]): void {
  if (growth === undefined) return;
  const { fixedSeconds, secondsEach } = isObject(growth) ? growth : {};
  const isTime = (value: unknown): boolean =>
    typeof value === "number" && Number.isFinite(value) && value >= 0;
  const each = isObject(secondsEach) ? secondsEach : null;
  const known = Object.entries(each ?? {}).every(
    ([name, value]) => counts.includes(name) && isTime(value),
  );
  if (!isTime(fixedSeconds) || each === null || !known)
    wrong(
      "The growth of an action's expected cost is not seconds, by the names of its work",
      "For example work: { samples: 16 }, growth: { fixedSeconds: 15, secondsEach: { samples: 0.1 } }.",
    );
}

const KINDS: readonly unknown[] = ["file", "folder"];
const INPUT_KINDS: readonly unknown[] = [...KINDS, "record"];
const OUTPUT_KINDS: readonly unknown[] = [...KINDS, "region"];
const KEEPS: readonly unknown[] = ["committed", "local"];

/** A name that every object has already is never taken for one that was declared. */
export function checkName(what: string, name: string): void {
  if (!(name in Object.prototype)) return;
  wrong(`${what} ${JSON.stringify(name)} is a name that every object has`, "Take another name.");
}

function checkPlaces(what: "input" | "output", places: object, makers: string): void {
  for (const [role, place] of Object.entries(places) as [string, unknown][]) {
    checkName(`The ${what} role`, role);
    const given =
      isObject(place) &&
      typeof place["path"] === "string" &&
      (what === "input" ? INPUT_KINDS : OUTPUT_KINDS).includes(place["kind"]) &&
      (what === "input" || KEEPS.includes(place["keep"]));
    if (!given) wrong(`The ${what} ${role} is ${nameOf(place)}`, `Declare it with ${makers}.`);
    if (what === "input") checkInclude(place["include"]);
    if (what === "input") checkExpectations(place["expect"]);
  }
}

function checkRecords(op: object, inputs: object): void {
  if (!("runtime" in op) || op.runtime !== "python") return;
  for (const [role, input] of Object.entries(inputs) as [string, unknown][]) {
    if (!isObject(input) || input["kind"] !== "record") continue;
    wrong(
      `The input ${role} of a Python op is a record`,
      "Read records in a TypeScript op: they are for reports, and what is measured must not depend on them.",
    );
  }
}

const RESOURCES = ["cpu", "gpu", "upToGpus", "memoryBytes", "seconds"];

function checkResources(resources: unknown): void {
  if (resources === undefined) return;
  if (!isObject(resources)) {
    wrong(`The resources of an action are ${nameOf(resources)}`, "For example { gpu: 1 }.");
  }
  const refuse = (name: string, nextStep: string): never => {
    const value = resources[name];
    const text = typeof value === "number" ? String(value) : nameOf(value);
    return wrong(`The resource ${name} is ${text}`, nextStep);
  };
  for (const [name, value] of Object.entries(resources)) {
    if (!RESOURCES.includes(name))
      wrong(
        `The resources of an action have no ${name}`,
        didYouMean(name, RESOURCES) ?? `They are ${RESOURCES.join(", ")}.`,
      );
    if (value === undefined) continue;
    if (name === "seconds") {
      if (!(Number.isFinite(value) && Number(value) > 0)) refuse(name, "Write a number above 0.");
    } else if (name === "memoryBytes") {
      if (!isCount(value, 1)) refuse(name, "Write a whole number of bytes, for example 32e9.");
    } else if (name === "upToGpus") {
      if (!isCount(value, 1)) refuse(name, "Write a whole number from 1.");
      if (resources["gpu"] !== 1) refuse(name, "It goes with gpu: 1, the one that a job needs.");
    } else if (!isCount(value, 0)) refuse(name, "Write a whole number from 0.");
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
  checkName("The environment", String(declaration["name"]));
  const { python, large } = declaration;
  if (python !== undefined && !(typeof python === "string" && /^3\.\d+$/.test(python)))
    wrong(
      `The oldest Python of an environment is ${nameOf(python)}`,
      'Write it as text, for example "3.11".',
    );
  if (large !== undefined && typeof large !== "boolean")
    wrong(`Whether an environment is large is ${nameOf(large)}`, "Write true, or leave it out.");
  for (const name of ["variables", "passed", "caches"]) {
    const value = declaration[name];
    for (const key of isObject(value) ? Object.keys(value) : [])
      checkName(`In the ${name} of an environment,`, key);
    const texts = isObject(value) && Object.values(value).every((text) => typeof text === "string");
    if (value === undefined || texts) continue;
    wrong(`The ${name} of an environment are not texts by name`, 'For example { LANG: "C" }.');
  }
  const { prepare } = declaration;
  const module = isObject(prepare) ? prepare["module"] : undefined;
  if (prepare !== undefined && !(typeof module === "string" && /^[\w.]+$/.test(module)))
    wrong(
      "An environment is prepared by something that is not a Python module",
      'For example { module: "package.prepare", gpu: true }.',
    );
}
