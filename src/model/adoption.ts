import type { Digest } from "./digest.ts";
import type { Json, JsonObject } from "./json.ts";
import type { ActionRecord } from "./record.ts";

/**
 * How far an artifact that was not made here is what the declaration asks for.
 *
 * - `verified`: everything that the declaration fixes was checked from bytes that are here.
 * - `consistent`: nothing contradicts it, but something cannot be known.
 * - `asserted`: something contradicts it, and a person said why it is taken over all the same.
 */
export type Grade = "verified" | "consistent" | "asserted";

/** A field in which a found artifact is not what was declared. */
export interface Contradiction {
  readonly field: string;
  readonly declared: Json;
  readonly found: Json;
}

/** What the `audit` of a record says of an artifact that was taken over. */
export interface Adoption {
  readonly event: "adopted";
  readonly grade: Grade;
  /** Where it came from: name of the file, and its digest. A path would say more about the machine than about the file. */
  readonly from: { readonly name: string; readonly digest: Digest };
  /** What cannot be known, in words. */
  readonly unknown: readonly string[];
  readonly contradictions: readonly Contradiction[];
  /** Why it was taken over in spite of contradictions, in a person's words. */
  readonly because: string | null;
}

/** Null for what was made here. */
export function adoptionOf(record: ActionRecord): Adoption | null {
  const entry = record.audit.find(
    (item) => typeof item === "object" && item !== null && "event" in item && isAdopted(item),
  );
  return entry === undefined ? null : (entry as unknown as Adoption);
}

const isAdopted = (item: object): boolean => (item as { event: unknown }).event === "adopted";

// --- What an adopter module gets and answers ------------------------------------------------------

export interface AdoptionCall {
  /** What was found, of the files whose names match the adopter's patterns. */
  readonly files: readonly FoundFile[];
  /** What is declared and was asked for. */
  readonly actions: readonly WantedAction[];
}

export interface FoundFile {
  /** Below the folder that was named, its own name first. */
  readonly path: string;
  readonly digest: Digest;
  readonly text: string;
}

/** A declared action as plain data. */
export interface WantedAction {
  readonly target: string;
  /** Name of a Python op, or module of a TypeScript op. */
  readonly op: string;
  readonly params: JsonObject;
  /** By role; `producer` is the target of the action that makes it, null for a source. */
  readonly inputs: Readonly<
    Record<
      string,
      { readonly path: string; readonly producer: string | null; readonly alias?: string }
    >
  >;
  /** Path by role. */
  readonly outputs: Readonly<Record<string, string>>;
}

export type AdoptionFinding = AdoptionCandidate | AdoptionRefusal;

/** Files that can stand for the results of declared actions. */
export interface AdoptionCandidate {
  readonly kind: "candidate";
  /** The found file that it is about. */
  readonly file: string;
  /**
   * Contents by target and role, every output of each action. An input is known exactly if one of the
   * other results here makes it.
   */
  readonly results: readonly {
    readonly target: string;
    readonly outputs: Readonly<Record<string, string>>;
  }[];
  readonly grade: Exclude<Grade, "asserted">;
  readonly unknown: readonly string[];
  readonly contradictions: readonly Contradiction[];
  /** Files beside the found one that were compared with what follows from the found one, and the results. */
  readonly checks: readonly { readonly file: string; readonly says: string }[];
}

/** A found file that cannot be taken over, even with a reason given by a person. */
export interface AdoptionRefusal {
  readonly kind: "refusal";
  readonly file: string;
  readonly message: string;
  readonly nextStep: string;
  readonly contradictions: readonly Contradiction[];
  /** It is whole, but for nothing that was asked for: no fault where only some targets were named. */
  readonly unmatched?: boolean;
}

/** What an adopter module exports. */
export interface AdopterModule {
  /** Which files it wants to see, by path below the named folder (`**` for any folders). */
  readonly patterns: readonly string[];
  readonly adopt: (call: AdoptionCall) => readonly AdoptionFinding[];
}
