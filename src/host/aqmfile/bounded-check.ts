import { createContext, Script } from "node:vm";
import type { ValidateFunction } from "ajv/dist/2020.js";

/** Milliseconds. A check takes microseconds; a pattern like `^(a+)+$` takes for ever on a text that nearly fits. */
const LONGEST = 5000;

/** What runs in a context can be stopped, its regular expressions too; nothing else can stop those. */
const context = createContext({}) as { run?: () => boolean };
const script = new Script("run()");

/** Whether a value fits a schema; null where the check took too long, as some regular expressions do. */
export function fits(check: ValidateFunction, value: unknown, longest = LONGEST): boolean | null {
  context.run = () => check(value);
  try {
    return script.runInContext(context, { timeout: longest }) as boolean;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_SCRIPT_EXECUTION_TIMEOUT") return null;
    throw error;
  } finally {
    delete context.run;
  }
}
