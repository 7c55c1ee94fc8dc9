import type { ActionNode } from "../../graph/graph.ts";
import type { Digest } from "../../model/digest.ts";
import {
  ABSENT,
  UNKNOWN,
  type Absent,
  type ActionRecord,
  type Unknown,
} from "../../model/record.ts";
import type { Observer, Place } from "./observer.ts";

export interface CheckedFile {
  readonly role: string;
  readonly path: string;
  /**
   * `absent`: an input, or a local output, which a clone may lack. `unrecorded`: an input of an adopted
   * result, whose inputs are not known.
   */
  readonly state: "verified" | "changed" | "missing" | "absent" | "unreadable" | "unrecorded";
  readonly recorded: Digest | Unknown | Absent | null;
  readonly found: Digest | null;
  readonly error?: string;
}

/** How the files of an action stand to its lock record. */
export interface Verification {
  readonly target: string;
  readonly state:
    | "verified"
    | "missing_local_output"
    | "changed"
    /** Neither a record nor any output is here. */
    | "never_built"
    /** An output is here, and no record says how it was made. */
    | "no_record"
    | "damaged_record";
  readonly key: Digest | null;
  readonly outputs: readonly CheckedFile[];
  readonly inputs: readonly CheckedFile[];
}

/** Reads files in full, each once, however many actions it concerns. */
export class Verifier {
  readonly #observer: Observer;
  readonly #read = new Map<string, ReturnType<Observer["observe"]>>();

  /** @param observer one without a stat cache: every byte counts */
  constructor(observer: Observer) {
    this.#observer = observer;
  }

  /** @param record whole, with the key of its own description: anything else is `damaged` */
  async verify(
    node: ActionNode,
    record: ActionRecord | null,
    damaged: boolean,
  ): Promise<Verification> {
    const target = node.id;
    if (record === null) {
      const state = damaged
        ? "damaged_record"
        : (await this.#hasNoOutput(node))
          ? "never_built"
          : "no_record";
      return { target, state, key: null, outputs: [], inputs: [] };
    }
    const outputs = await Promise.all(
      Object.entries(node.declaration.outputs).map(([role, output]) => {
        const missing = output.keep === "local" ? "absent" : "missing";
        return this.#check(role, output, record.outputs[role]?.digest ?? null, missing);
      }),
    );
    const inputs = await Promise.all(
      node.inputs.map((input) =>
        this.#check(input.role, input, record.action.inputs[input.role] ?? null, "absent"),
      ),
    );
    const wrong = [...outputs, ...inputs].some(
      ({ state }) => !["verified", "absent", "unrecorded"].includes(state),
    );
    const lacking = outputs.some(({ state }) => state === "absent");
    const state = wrong ? "changed" : lacking ? "missing_local_output" : "verified";
    return { target, state, key: record.key, outputs, inputs };
  }

  async #hasNoOutput(node: ActionNode): Promise<boolean> {
    const places = Object.values(node.declaration.outputs);
    const found = await Promise.all(places.map((place) => this.#observe(place)));
    return found.every(({ state }) => state === "missing");
  }

  async #check(
    role: string,
    place: Place,
    recorded: Digest | Unknown | Absent | null,
    missing: "absent" | "missing",
  ): Promise<CheckedFile> {
    if (recorded === UNKNOWN) {
      return { role, path: place.path, state: "unrecorded", recorded, found: null };
    }
    const found = await this.#observe(place);
    const file = { role, path: place.path, recorded, found: null };
    switch (found.state) {
      case "missing":
        return { ...file, state: recorded === ABSENT ? "verified" : missing };
      case "unreadable":
        return { ...file, state: "unreadable", error: found.error };
      case "present": {
        const state = found.digest === recorded ? "verified" : "changed";
        return { ...file, state, found: found.digest };
      }
    }
  }

  #observe(place: Place): ReturnType<Observer["observe"]> {
    const key = JSON.stringify([place.path, place.kind, place.include ?? null]);
    const known = this.#read.get(key);
    if (known !== undefined) return known;
    const { path, kind, include } = place;
    const found = this.#observer.observe({
      path,
      kind,
      ...(include === undefined ? {} : { include }),
    });
    this.#read.set(key, found);
    return found;
  }
}
