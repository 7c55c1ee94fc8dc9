import * as fs from "node:fs";
import { isUtf8 } from "node:buffer";
import type { PublishedOutput } from "../graph/published.ts";
import type {
  ComparerModule,
  RecordedSetting,
  ReproductionAnswer,
  ReproductionFigure,
} from "../model/comparison.ts";
import type { Digest } from "../model/digest.ts";
import { canonicalJson, type JsonObject } from "../model/json.ts";
import type { ReproducedVerdict } from "../model/reproduction.ts";
import { UNKNOWN, type ActionRecord } from "../model/record.ts";
import {
  isPunctuation,
  textDifference,
  type NumberDifference,
  type TextDifference,
} from "../model/text-agreement.ts";
import { knows } from "./comparison.ts";
import { readFileBytes } from "./disk/bounded-read.ts";
import { errorText } from "./disk/disk.ts";
import { firstDifference } from "./observe/compare-outputs.ts";
import { Observer } from "./observe/observer.ts";

/** What is compared as text is what people publish; more is not looked into. */
const LARGEST = 64 * 1024 * 1024;

/** Of a text that is made from lock records: more words than that are no mere mention of a run. */
const MENTIONED = 20;

export interface ComparedPair {
  readonly verdict: Exclude<ReproducedVerdict, "not_made">;
  readonly summary: string;
  readonly figures: readonly ReproductionFigure[];
  readonly reasons: readonly RecordedSetting[];
  readonly madeWith: readonly RecordedSetting[];
  /** Of the published file or folder; null where it cannot be read. */
  readonly digest: Digest | null;
}

export interface PairToCompare {
  readonly output: PublishedOutput;
  /** Absolute. */
  readonly published: string;
  readonly made: string;
  /** How the files that it is made from came out, as far as they are published. */
  readonly sources: readonly { readonly path: string; readonly verdict: ReproducedVerdict }[];
  /** Of the runs that made the two; null where there is none. */
  readonly records: { readonly published: ActionRecord | null; readonly made: ActionRecord | null };
  /** Words that say device, versions and day of the runs it is made from, on both sides; null without records. */
  readonly recorded: ReadonlySet<string> | null;
}

/**
 * Compares a published file with the one that was made here: by bytes, then by the comparer for it, else as text
 * that has no meaning known to aqm.
 */
export async function comparePair(
  pair: PairToCompare,
  comparers: readonly ComparerModule[],
): Promise<ComparedPair> {
  const { output, published, made } = pair;
  const look = (path: string) =>
    new Observer("", null, null).observe({ path: path.replace(/^\//, ""), kind: output.kind });
  const [old, now] = await Promise.all([look(published), look(made)]);
  for (const [found, whose] of [
    [old, "the published one"],
    [now, "the one made here"],
  ] as const) {
    if (found.state === "present") continue;
    const why = found.state === "missing" ? "is not there" : `cannot be read: ${found.error}`;
    return plain("not_compared", `${whose} ${why}`, null);
  }
  if (old.state !== "present" || now.state !== "present") throw new Error("looked at above");
  const { digest } = old;
  if (digest === now.digest) {
    const same = agreeing(pair, comparers);
    return { ...plain("agrees", "the same bytes", digest), madeWith: same };
  }
  if (output.kind === "folder") {
    const first = await firstDifference(published, made, "folder");
    return plain("differs", first ?? "its content", digest);
  }
  const comparer = comparerFor(output.path, comparers);
  const answer = comparer === undefined || !isText(pair) ? null : asked(comparer, pair);
  if (answer !== null) {
    if (answer.verdict === "not_compared") return plain("not_compared", answer.summary, digest);
    return { ...answer, madeWith: answer.madeWith ?? [], digest };
  }
  return { ...(await asText(pair, digest)), digest };
}

/** Of files that are the same only what they were made with is asked for. */
function agreeing(
  pair: PairToCompare,
  comparers: readonly ComparerModule[],
): readonly RecordedSetting[] {
  const comparer = comparerFor(pair.output.path, comparers);
  if (comparer?.reproduce === undefined || !isText(pair)) return [];
  const answer = asked(comparer, pair);
  return answer.verdict === "not_compared" ? [] : (answer.madeWith ?? []);
}

/** One that can say whether a file is reproduced goes before one that only compares. */
function comparerFor(
  path: string,
  comparers: readonly ComparerModule[],
): ComparerModule | undefined {
  const able = comparers.filter(({ patterns }) => knows(...patterns)(path));
  return able.find(({ reproduce }) => reproduce !== undefined) ?? able[0];
}

/** A comparer is asked about texts only. */
const isText = ({ published, made }: PairToCompare): boolean =>
  textOf(published) !== null && textOf(made) !== null;

function asked(
  comparer: ComparerModule,
  { output, published, made }: PairToCompare,
): ReproductionAnswer {
  const read = (name: string, path: string) => ({ name, text: textOf(path) ?? "" });
  try {
    const files = {
      published: read(output.published, published),
      made: read(output.path, made),
    };
    if (comparer.reproduce !== undefined) return comparer.reproduce(files);
    const answer = comparer.compare({ a: files.published, b: files.made, options: {} });
    if (!answer.ok) return { verdict: "not_compared", summary: answer.message };
    return {
      verdict: answer.same ? "agrees" : "differs",
      summary: answer.same
        ? "the same in what it means"
        : "not the same in what it means; `aqm diff` says more",
      figures: [],
      reasons: [],
    };
  } catch (error) {
    const summary = `the comparer failed: ${errorText(error)}`;
    return { verdict: "not_compared", summary };
  }
}

type Judged = Omit<ComparedPair, "digest">;

/** Of a text that is worked out from files that agree, other numbers are what is to be expected. */
async function asText(pair: PairToCompare, digest: Digest): Promise<Judged> {
  const { output, published, made, sources, recorded } = pair;
  const [old, now] = [textOf(published), textOf(made)];
  if (old === null || now === null) {
    const first = await firstDifference(published, made, "file");
    return judged("differs", first ?? "its bytes");
  }
  const difference = textDifference(old, now);
  const said = differenceText(difference);
  const from = output.node.inputs.filter(({ kind, producer }) => kind !== "record" && producer);
  // What Python makes is measured; what TypeScript makes is worked out from its inputs alone.
  const workedOut = output.node.declaration.op.runtime === "typescript" && from.length > 0;
  const differing = sources.some(({ verdict }) => verdict === "differs");
  if (!workedOut || differing || difference.kind === "none" || difference.kind === "layout")
    return judged("differs", said);
  const ground = groundOf(pair, digest);
  if (difference.kind !== "words") {
    if (!ground.firm) return judged("not_compared", `${said}, and ${ground.because}`);
    // In a document for programs a whole number may say which entry of a list is meant.
    const isData = output.path.endsWith(".json");
    if (isData && (difference.kind === "order" || difference.whole))
      return judged("not_compared", `${said}, of which whole ones may be places in a list`);
    return judged("agrees", `${said}, and what it is made from agrees`);
  }
  const words = [...difference.onlyA, ...difference.onlyB].filter((word) => !isPunctuation(word));
  const readsRecords = output.node.inputs.some(({ kind }) => kind === "record");
  if (!readsRecords) return judged("differs", said);
  if (!ground.firm) {
    return words.length <= MENTIONED
      ? judged(
          "not_compared",
          `${said}: they may be what is recorded of a run, and ${ground.because}`,
        )
      : judged("differs", said);
  }
  return recorded !== null && words.every((word) => recorded.has(word))
    ? judged("agrees", `${said}: they are what is recorded of the runs, and all else agrees`)
    : judged("differs", said);
}

type Ground = { readonly firm: true } | { readonly firm: false; readonly because: string };

/**
 * Whether both texts were made under the same settings from what agrees: each input is a published file that agrees,
 * or has the same content by both records.
 */
function groundOf({ output, sources, records }: PairToCompare, digest: Digest): Ground {
  const { published, made } = records;
  // A record of other content is not that of the published file.
  const own = published?.outputs[output.role]?.digest === digest ? published : null;
  const compared = new Map(sources.map(({ path, verdict }) => [path, verdict]));
  const apart = output.node.inputs.filter(({ kind, path, role, producer }) => {
    if (kind === "record" || compared.get(path) === "agrees") return false;
    const content = own?.action.inputs[role];
    if (content !== undefined && content !== UNKNOWN) return content !== made?.action.inputs[role];
    return producer !== null; // of a file that people wrote nothing is known without records
  });
  if (apart.length > 0) {
    const more = apart.length > 1 ? ` and ${apart.length - 1} more` : "";
    return unfounded(`${apart[0]?.path ?? ""}${more}, from which it is made, was not compared`);
  }
  if (own === null || made === null)
    return unfounded("whether its settings are the same is not recorded");
  return sameJson(own.action.params, made.action.params)
    ? { firm: true }
    : unfounded("it was made under other settings");
}

const unfounded = (because: string): Ground => ({ firm: false, because });

const sameJson = (a: JsonObject, b: JsonObject): boolean => canonicalJson(a) === canonicalJson(b);

function differenceText(difference: TextDifference): string {
  switch (difference.kind) {
    case "none":
      return "the same text";
    case "layout":
      return "the text differs by white space and line ends only";
    case "numbers":
      return `the text differs by numbers only (${numbersText(difference)})`;
    case "order":
      return "the text differs by numbers and by the order of rows in its tables only";
    case "words": {
      const { onlyA, onlyB } = difference;
      const shown = (words: readonly string[]): string =>
        words.length === 0 ? "nothing" : words.slice(0, 4).join(" ").slice(0, 80);
      const words = onlyA.length + onlyB.length;
      return `the text differs by words (${words}: ${shown(onlyA)} → ${shown(onlyB)})`;
    }
  }
}

function numbersText({ changed, first }: NumberDifference): string {
  const [old, now] = first.map((value) => value.slice(0, 24));
  const pair = `${old ?? ""} → ${now ?? ""}`;
  return changed === 1 ? pair : `${changed} numbers, the first ${pair}`;
}

function textOf(path: string): string | null {
  if (fs.statSync(path).size > LARGEST) return null;
  const bytes = readFileBytes(path, LARGEST);
  return isUtf8(bytes) ? bytes.toString("utf8") : null;
}

const judged = (verdict: Judged["verdict"], summary: string): Judged => ({
  verdict,
  summary,
  figures: [],
  reasons: [],
  madeWith: [],
});

const plain = (
  verdict: Judged["verdict"],
  summary: string,
  digest: Digest | null,
): ComparedPair => ({ ...judged(verdict, summary), digest });
