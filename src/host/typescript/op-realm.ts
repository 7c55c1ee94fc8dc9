import { createContext, constants, Script } from "node:vm";
import { errorText } from "../disk/disk.ts";
import { REALM_CODE } from "./op-realm-code.ts";

/** What an op can ask for. All answers are plain values; nothing here throws. */
export interface OpHost {
  /** Null where it cannot be read: the host knows why. */
  readonly text: (role: string) => string | null;
  readonly digest: (role: string) => string | null;
  readonly isThere: (role: string) => boolean;
  /** The op reaches for something that is not in its key. */
  readonly undeclared: (what: string) => void;
  readonly print: (line: string) => void;
}

export interface OpInputs {
  readonly role: string;
  /** Null where the op must not see it. */
  readonly path: string | null;
}

/** What came of a call: what `run` returned, or what was thrown and where. */
export type Called =
  | { readonly isOp: false }
  | { readonly isOp: true; readonly returned: unknown }
  | { readonly isOp: true; readonly thrown: unknown; readonly at: readonly string[] };

interface Inside {
  readonly call: (factory: unknown, params: string, inputs: string) => Called;
  readonly placeOf: (error: unknown) => string;
}

const START = new Script(REALM_CODE, { filename: "aqm" });

/**
 * A compiled op in a realm of its own: the language and nothing of Node. Code made from texts is refused, and so is
 * `import()`. The realm is made once, the op's module is evaluated for each call.
 */
export class OpRealm {
  readonly #inside: Inside;
  readonly #factory: unknown;
  #host: OpHost | null = null;

  /** @param code CommonJS without imports */
  constructor(name: string, code: string) {
    // Without an object behind it the realm's global is an ordinary one, as quick as that of a module.
    const realm = createContext(constants.DONT_CONTEXTIFY, {
      codeGeneration: { strings: false, wasm: false },
    });
    const start = START.runInContext(realm) as (host: object) => Inside;
    this.#inside = start({ file: name, ...this.#questions(), ...TEXTS });
    const factory = new Script(`(function (module, exports) { ${code}\n})`, { filename: name });
    this.#factory = factory.runInContext(realm);
  }

  call(params: string, inputs: readonly OpInputs[], host: OpHost): Called {
    this.#host = host;
    try {
      return this.#inside.call(this.#factory, params, JSON.stringify(inputs));
    } catch (thrown) {
      const at = this.#placeOf(thrown)
        .split("\n")
        .filter((place) => place !== "");
      return { isOp: true, thrown, at };
    } finally {
      this.#host = null; // what an op left to run later gets no answers
    }
  }

  #placeOf(thrown: unknown): string {
    try {
      return this.#inside.placeOf(thrown);
    } catch {
      return ""; // an error whose stack throws
    }
  }

  #questions(): OpHost {
    return {
      text: (role) => this.#host?.text(role) ?? null,
      digest: (role) => this.#host?.digest(role) ?? null,
      isThere: (role) => this.#host?.isThere(role) ?? false,
      undeclared: (what) => this.#host?.undeclared(what),
      print: (line) => this.#host?.print(line),
    };
  }
}

interface Answer<Value> {
  readonly value?: Value;
  readonly error?: string;
}

function answer<Value>(compute: () => Value): Answer<Value> {
  try {
    return { value: compute() };
  } catch (error) {
    return { error: errorText(error) };
  }
}

const TEXTS = {
  atob: (text: string) => answer(() => atob(text)),
  btoa: (text: string) => answer(() => btoa(text)),
  encode: (text: string) => new TextEncoder().encode(text),
  decode: (
    bytes: Uint8Array,
    label: string,
    options: { readonly fatal: boolean; readonly ignoreBOM: boolean },
  ) => answer(() => new TextDecoder(label, options).decode(bytes)),
};
