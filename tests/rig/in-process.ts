import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import type { answerAtOnce } from "../../src/cli/at-once.ts";
import type { answer } from "../../src/cli/main.ts";
import { NO_COLOURS } from "../../src/ui/reporter.ts";
import type { Finished } from "./workspace.ts";

export interface Surroundings {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

let command: string | null = null;

/**
 * Does what `bin/aqm.js` does, in this process instead of one of its own: the same bundle, and real files. To
 * start Node and to load aqm takes longer than most builds of a test. The command has the folder, the
 * environment and the streams of this process to itself meanwhile, so there can only be one at a time.
 *
 * @param bin the `bin/aqm.js` whose bundle is taken
 * @param said told of what the command writes to its standard output
 */
export async function inProcess(
  bin: string,
  args: readonly string[],
  surroundings: Surroundings,
  said: (text: string) => void = () => undefined,
): Promise<Finished> {
  if (command !== null)
    throw new Error(
      `aqm ${command} still runs in this process: take start(…) for one of two that run side by side`,
    );
  command = args.join(" ");
  const before = {
    cwd: process.cwd(),
    env: { ...process.env },
    prepareStackTrace: Object.getOwnPropertyDescriptor(Error, "prepareStackTrace"),
  };
  const stdout = captured(process.stdout, said);
  const stderr = captured(process.stderr, () => undefined);
  const texts = (): Pick<Finished, "stdout" | "stderr"> => ({
    stdout: stdout.text(),
    stderr: stderr.text(),
  });
  try {
    process.chdir(surroundings.cwd);
    become(surroundings.env);
    Reflect.deleteProperty(Error, "prepareStackTrace"); // Node's own, with its source maps, instead of Vitest's
    const code = await run(join(dirname(bin), "../dist"), args);
    return { code, signal: null, ...texts() };
  } finally {
    stdout.release();
    stderr.release();
    const { prepareStackTrace } = before;
    if (prepareStackTrace !== undefined)
      Object.defineProperty(Error, "prepareStackTrace", prepareStackTrace);
    become(before.env);
    process.chdir(before.cwd);
    command = null;
  }
}

const require = createRequire(import.meta.url);

async function run(dist: string, args: readonly string[]): Promise<number> {
  const atOnce = require(join(dist, "at-once.cjs")) as { answerAtOnce: typeof answerAtOnce };
  const recalled = atOnce.answerAtOnce(args, () => ({
    write: (text) => void process.stdout.write(text),
    columns: () => 80,
    colours: NO_COLOURS,
  }));
  if (recalled === true) return 0;
  const url = pathToFileURL(join(dist, "main.js")).href;
  const main = (await import(url)) as { answer: typeof answer };
  return main.answer(args, recalled);
}

function become(env: Surroundings["env"]): void {
  for (const name of Object.keys(process.env)) {
    if (env[name] === undefined) Reflect.deleteProperty(process.env, name);
  }
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && process.env[name] !== value) process.env[name] = value;
  }
}

/** Takes what is written to a stream, until it is released. */
function captured(
  stream: NodeJS.WriteStream,
  said: (text: string) => void,
): { text: () => string; release: () => void } {
  const write = stream.write.bind(stream);
  let text = "";
  const take = (chunk: string | Uint8Array, ...rest: readonly unknown[]): boolean => {
    const more = typeof chunk === "string" ? chunk : Buffer.from(chunk).toString("utf8");
    text += more;
    said(more);
    const done = rest.at(-1);
    if (typeof done === "function") queueMicrotask(done as () => void);
    return true;
  };
  stream.write = take;
  return { text: () => text, release: () => void (stream.write = write) };
}
