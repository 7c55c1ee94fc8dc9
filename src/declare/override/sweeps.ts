import type { Failure } from "../../model/failure.ts";
import { exactNumber } from "../../model/exact-number.ts";
import { didYouMean } from "../../model/nearest-name.ts";
import { err, ok, type Result } from "../../model/result.ts";
import { usage, type Element } from "./element.ts";
import { valueOfElement } from "./value.ts";

type Call = Extract<Element, { kind: "call" }>;

/** More values than any build of them could be meant. */
const MOST_VALUES = 10_000;

/** Hydra's other functions, and what says the same here. */
const REFUSED: Readonly<Record<string, string>> = {
  glob: "Write the pattern itself: group=x*.",
  sort: "Write the values in the order that you want.",
  shuffle: "Write the values in the order that you want.",
  interval: "An interval has no end of values: write range(start,stop,step), or the values.",
  tag: "Write the values without the tag.",
  int: "Write the number.",
  float: "Write the number.",
  str: "Write the text in quotes.",
  bool: "Write true or false.",
  json_str: "Write the text in quotes.",
  extend_list: "Write +key.N=value, where N is the length of the list.",
};

/**
 * The values that one value of a command line stands for: itself, or those of `choice(a,b)` and
 * `range(start,stop,step)`, as Hydra's functions of these names have them.
 */
export function choicesOf(element: Element): Result<readonly Element[], Failure> {
  if (element.kind !== "call") return ok([element]);
  if (element.name === "choice") return choice(element);
  if (element.name === "range") return range(element);
  const known = REFUSED[element.name];
  if (Object.hasOwn(REFUSED, element.name) && known !== undefined)
    return err(usage(`${element.name}(…) is a function of Hydra that aqm does not have`, known));
  const near = didYouMean(element.name, ["choice", "range"]);
  return err(
    usage(
      `There is no function ${element.name}(…)`,
      `${near ?? "There are choice(…) and range(…)."} Put it in quotes if it is text.`,
    ),
  );
}

function choice(call: Call): Result<readonly Element[], Failure> {
  if (call.arguments.length === 0)
    return err(usage("choice() has no values", "Write choice(a,b)."));
  const named = call.arguments.find(({ name }) => name !== null);
  if (named !== undefined)
    return err(usage(`choice(…) has no argument ${named.name ?? ""}`, "Write choice(a,b)."));
  return ok(call.arguments.map(({ value }) => value));
}

/** Numbers from `start` (0 if it is left out) up to `stop`, which is not one of them, in steps of `step` (1). */
function range(call: Call): Result<readonly Element[], Failure> {
  const wrong = (cause: string): Result<never, Failure> =>
    err(
      usage(
        `range(…): ${cause}`,
        "Write range(stop), range(start,stop) or range(start,stop,step).",
      ),
    );
  const one = call.arguments.filter(({ name }) => name === null).length === 1;
  const names = one && call.arguments.every(({ name }) => name !== "stop") ? ONE : SEVERAL;
  const given = new Map<string, Decimal>();
  for (const [at, { name, value }] of call.arguments.entries()) {
    const role = name ?? names[at];
    if (role === undefined) return wrong("too many arguments");
    if (!SEVERAL.includes(role)) return wrong(`there is no argument ${role}`);
    if (given.has(role)) return wrong(`${role} is given twice`);
    const number = valueOfElement(value);
    if (!number.ok) return number;
    if (typeof number.value !== "number") return wrong(`${role} is not a number`);
    given.set(role, decimal(number.value));
  }
  const stop = given.get("stop");
  if (stop === undefined) return wrong("stop is missing");
  const parts = [given.get("start") ?? decimal(0), stop, given.get("step") ?? decimal(1)];
  const scale = Math.max(...parts.map(({ places }) => places));
  const [from = 0n, to = 0n, step = 0n] = parts.map(
    ({ digits, places }) => digits * 10n ** BigInt(scale - places),
  );
  if (step === 0n) return wrong("the step is 0");
  const span = (to - from) * (step < 0n ? -1n : 1n);
  const size = step < 0n ? -step : step;
  if (span <= 0n) return wrong("it holds no number");
  const count = (span + size - 1n) / size;
  if (count > BigInt(MOST_VALUES)) return wrong(`it holds more than ${MOST_VALUES} numbers`);
  return ok(
    Array.from({ length: Number(count) }, (_, index): Element => {
      const value = Number(`${from + step * BigInt(index)}e-${scale}`);
      return { kind: "text", text: exactNumber(value), literal: false };
    }),
  );
}

const ONE: readonly string[] = ["stop"];
const SEVERAL: readonly string[] = ["start", "stop", "step"];

/** A number as `digits` × 10^-`places`: sums of these have no rounding errors. */
interface Decimal {
  readonly digits: bigint;
  readonly places: number;
}

function decimal(value: number): Decimal {
  const [mantissa = "0", exponent = "0"] = value.toExponential().split("e");
  const [whole = "0", fraction = ""] = mantissa.split(".");
  const places = fraction.length - Number(exponent);
  const digits = BigInt(`${whole}${fraction}`);
  return places >= 0 ? { digits, places } : { digits: digits * 10n ** BigInt(-places), places: 0 };
}
