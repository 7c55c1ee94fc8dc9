import { adoptionOf } from "./adoption.ts";
import { digestOfBytes, type Digest } from "./digest.ts";
import { canonicalJson, type Json } from "./json.ts";
import type { ActionRecord } from "./record.ts";

/** The part of a lock record that reports show: the run that made a result. */
export type Provenance = Pick<ActionRecord, "target" | "cost" | "tools" | "facts"> & {
  /** The day (UTC) of the run, `2026-11-21`; null if it is not known. */
  readonly made_on: string | null;
  /** Taken over from elsewhere: cost and tools are not known then. */
  readonly adopted: boolean;
  /** What it was made from, by role; a digest may be `unknown` of an adopted result, or `absent`. */
  readonly inputs: Readonly<Record<string, { readonly path: string; readonly digest: string }>>;
};

/**
 * What an action reads that takes a record as its input, as canonical JSON. Key, params and op are left out:
 * they say why a result stands, not how it came to be.
 */
export function provenanceText(record: ActionRecord): string {
  const { target, cost, made_on = null, tools, facts } = record;
  const adopted = adoptionOf(record) !== null;
  const inputs = Object.fromEntries(
    Object.entries(record.action.inputs).map(([role, digest]) => [
      role,
      { path: record.input_paths[role] ?? "", digest },
    ]),
  );
  const provenance: Provenance = { target, cost, made_on, tools, facts, adopted, inputs };
  return canonicalJson(provenance as unknown as Json);
}

export const provenanceDigest = (record: ActionRecord): Digest =>
  digestOfBytes(provenanceText(record));
