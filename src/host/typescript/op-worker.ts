import { isUtf8 } from "node:buffer";
import * as fs from "node:fs";
import { parentPort } from "node:worker_threads";
import { digestOfBytes } from "../../model/digest.ts";
import type { Failure } from "../../model/failure.ts";
import type { OpOutputs } from "../../model/op.ts";
import { err, ok, type Result } from "../../model/result.ts";
import { readFileBytes } from "../disk/bounded-read.ts";
import { errorCode, errorText } from "../disk/disk.ts";
import { OpRealm, type OpHost } from "./op-realm.ts";
import type { OpAnswer, OpRequest, OpRequestInput } from "./op-request.ts";
import { checkReturned, noRun, threw, undeclaredRead } from "./typescript-op.ts";

/** What the thread of ops runs: reads the inputs that an op asks for, calls the op, checks what it returned. */

/** Of each op the newest code: who watches compiles it again and again. */
const realms = new Map<string, { readonly name: string; readonly realm: OpRealm }>();

function realmOf({ op, code: { name, text } }: OpRequest): OpRealm {
  const known = realms.get(op.file);
  if (known?.name === name) return known.realm;
  if (text === null) throw new Error(`${name} was not sent`);
  const realm = new OpRealm(name, text);
  realms.set(op.file, { name, realm });
  return realm;
}

function answer(request: OpRequest): OpAnswer {
  const started = performance.now();
  const { id, op, params } = request;
  const printed: string[] = [];
  const problems: Failure[] = [];
  const inputs = new Map(request.inputs.map((input) => [input.role, input]));
  const read = <Value>(role: string, take: (bytes: Buffer) => Value): Value | null => {
    const input = inputs.get(role);
    if (input === undefined) return null;
    const found = readInput(input);
    if (found.ok) return take(found.value);
    problems.push({ ...found.error, target: op.target });
    return null;
  };
  const host: OpHost = {
    text: (role) => read(role, (bytes) => bytes.toString("utf8")),
    digest: (role) => read(role, digestOfBytes),
    isThere: (role) => isThere(inputs.get(role)),
    undeclared: (what) => void problems.push(undeclaredRead(op, what)),
    print: (line) => void printed.push(line),
  };
  const cause = (): Failure | undefined => problems[0];
  const outcome = ((): Result<OpOutputs<string>, Failure> => {
    try {
      const shown = request.inputs.map(({ role, path, showsPath }) => ({
        role,
        path: showsPath ? path : null,
      }));
      const called = realmOf(request).call(params, shown, host);
      // What the op could not or must not read is the cause, even if the op failed otherwise.
      const unread = cause();
      if (unread !== undefined) return err(unread);
      if (!called.isOp) return err(noRun(op));
      if ("thrown" in called) return err(threw(op, called.thrown, called.at));
      const checked = checkReturned(op, called.returned);
      const late = cause(); // of a getter in what it returned
      return late === undefined ? checked : err(late);
    } catch (error) {
      return err(threw(op, error, []));
    }
  })();
  const seconds = (performance.now() - started) / 1000;
  return { id, outcome: outcome.ok ? ok(copied(outcome.value)) : outcome, seconds, printed };
}

/** Bytes without what lies around them in memory. */
const copied = (outputs: OpOutputs<string>): OpOutputs<string> =>
  Object.fromEntries(
    Object.entries(outputs).map(([role, content]) => [
      role,
      typeof content === "string" ? content : Uint8Array.from(content),
    ]),
  );

const isThere = (input: OpRequestInput | undefined): boolean => {
  if (input === undefined) return false;
  return input.record === undefined ? fs.existsSync(input.absolute) : input.record !== null;
};

/** Text, or nothing: a byte that is not UTF-8 would silently become another character. */
function readInput({ absolute, path, record }: OpRequestInput): Result<Buffer, Failure> {
  if (record !== undefined) return record === null ? err(goneInput(path)) : ok(Buffer.from(record));
  try {
    const bytes = readFileBytes(absolute);
    if (isUtf8(bytes)) return ok(bytes);
    return err({
      reason: "input_unreadable",
      message: `The input ${path} is not UTF-8 text`,
      place: { file: path },
      nextStep: "Convert it, or read it in a Python op: TypeScript ops take text.",
    });
  } catch (error) {
    const failure = goneInput(path);
    if (errorCode(error) === "ENOENT") return err({ ...failure, cause: errorText(error) });
    const message = `The input ${path} cannot be read`;
    return err({ ...failure, reason: "input_unreadable", message, cause: errorText(error) });
  }
}

const goneInput = (path: string): Failure => ({
  reason: "input_missing",
  message: `The input ${path} is gone`,
  place: { file: path },
  nextStep: "Bring it back, then run the same command again; nothing was recorded.",
});

// What an op left to run after its call can change nothing: its answer was sent.
process.on("unhandledRejection", () => undefined);
process.on("uncaughtException", () => undefined);

parentPort?.on("message", (request: OpRequest) => parentPort?.postMessage(answer(request)));
