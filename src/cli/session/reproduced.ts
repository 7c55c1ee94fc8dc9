import { join } from "node:path";
import type { PublishedMatch, PublishedOutput } from "../../graph/published.ts";
import type { ActionNode } from "../../graph/graph.ts";
import { upstreamOf } from "../../graph/select.ts";
import { comparePair } from "../../host/reproduction.ts";
import { publishedRecord } from "../../host/published.ts";
import { recordedWith, recordReasons } from "../../keys/record-reasons.ts";
import { adoptionOf } from "../../model/adoption.ts";
import type { ComparerModule, RecordedSetting } from "../../model/comparison.ts";
import { canonicalJson, type Json } from "../../model/json.ts";
import type { ActionRecord } from "../../model/record.ts";
import type { LikelyReason, ReproducedFile } from "../../model/reproduction.ts";
import { wordsOf } from "../../model/text-agreement.ts";
import type { Session } from "./session.ts";

/** What became of the actions of a build. */
export interface Made {
  readonly verdicts: ReadonlyMap<string, "ran" | "restored" | "fresh">;
  /** Why an action has no result, by target. */
  readonly reasons: ReadonlyMap<string, string>;
}

export interface ToCompare {
  readonly match: PublishedMatch;
  /** Absolute path of the folder of published files. */
  readonly folder: string;
  /** Of their lock records; null where there are none. */
  readonly records: string | null;
  readonly made: Made;
  readonly comparers: readonly ComparerModule[];
}

/** Compares every matched file with what was made, producers first. */
export async function compareFiles(
  session: Session,
  { match, folder, records, made, comparers }: ToCompare,
): Promise<readonly ReproducedFile[]> {
  const files = new Map<string, ReproducedFile>();
  const known = new Map<ActionNode, ActionRecord | null>();
  const publishedOf = (node: ActionNode): ActionRecord | null => {
    const found = known.get(node);
    if (found !== undefined) return found;
    const record = records === null ? null : publishedRecord(records, node.id);
    known.set(node, record);
    return record;
  };
  const madeOf = (node: ActionNode): ActionRecord | null => session.workspace.record(node);
  for (const output of match.outputs) {
    const above = new Set(upstreamOf([output.node]));
    above.delete(output.node);
    const sources = match.outputs.flatMap(({ path, node }) => {
      const compared = above.has(node) ? files.get(path) : undefined;
      return compared === undefined ? [] : [compared];
    });
    files.set(output.path, await compareOne(output, sources));
  }
  return [...files.values()];

  async function compareOne(
    output: PublishedOutput,
    sources: readonly ReproducedFile[],
  ): Promise<ReproducedFile> {
    const { path, published, node } = output;
    const record = madeOf(node);
    const how = made.verdicts.get(node.id) ?? null;
    const file = {
      path,
      published,
      how,
      madeOn: how === "ran" ? null : (record?.made_on ?? null),
      figures: [],
      reasons: [],
      madeWith: [],
      follows: [],
    };
    if (how === null) {
      const summary = made.reasons.get(node.id) ?? "it was not made";
      return { ...file, verdict: "not_made", summary };
    }
    if (record !== null && adoptionOf(record) !== null) {
      const summary = "what is here was taken over and not made, so it says nothing of the other";
      return { ...file, verdict: "not_compared", summary };
    }
    const theirs = publishedOf(node);
    if (how !== "ran" && theirs !== null && record !== null && isSameRun(theirs, record)) {
      const summary =
        "what is here is of the very run that was published, by its record; `aqm verify --rerun` makes it again and compares";
      return { ...file, verdict: "not_compared", summary };
    }
    const { digest, reasons, madeWith, ...compared } = await comparePair(
      {
        output,
        published: join(folder, published),
        made: join(session.layout.root, path),
        sources,
        records: { published: theirs, made: record },
        recorded: recordedWords(node, publishedOf, madeOf),
      },
      comparers,
    );
    // A record of other content is not that of the published file.
    const theirOwn = theirs?.outputs[output.role]?.digest === digest ? theirs : null;
    const byRecords = recordReasons(
      node,
      (at) => (at === node ? theirOwn : publishedOf(at)),
      madeOf,
    );
    return {
      ...file,
      ...compared,
      reasons: compared.verdict === "differs" ? [...inFiles(reasons), ...byRecords] : [],
      madeWith: [
        ...madeWith,
        ...(node.declaration.op.runtime === "python" ? recordedWith(theirOwn, record) : []),
      ],
      follows: sources.flatMap((source) => (source.verdict === "differs" ? [source.path] : [])),
    };
  }
}

const inFiles = (reasons: readonly RecordedSetting[]): readonly LikelyReason[] =>
  reasons.map((reason) => ({ ...reason, source: "files", target: null }));

/** A record names no run, so the very run is one of which all is the same, to the last digit of its time. */
const isSameRun = (a: ActionRecord, b: ActionRecord): boolean =>
  canonicalJson(a as unknown as Json) === canonicalJson(b as unknown as Json);

/** Words that say device, versions and day of the runs whose records an action reads; null where a side has none. */
function recordedWords(
  node: ActionNode,
  published: (node: ActionNode) => ActionRecord | null,
  made: (node: ActionNode) => ActionRecord | null,
): ReadonlySet<string> | null {
  const words = new Set<string>();
  for (const { kind, producer } of node.inputs) {
    if (kind !== "record" || producer === null) continue;
    const [theirs, ours] = [published(producer.action), made(producer.action)];
    if (theirs === null || ours === null) return null;
    for (const { what, published: old, made: now } of recordedWith(theirs, ours)) {
      const name = what.replace(/^package /, "");
      for (const word of [name, old ?? "", now ?? ""].flatMap(wordsOf)) words.add(word);
    }
  }
  return words;
}
