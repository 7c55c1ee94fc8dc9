import { UNQUANTIZED } from "../formats/label.ts";
import { checkFigures } from "../manifest/check-figures.ts";
import { sameSums } from "./budget-curve.ts";
import { bitsText } from "./shared/numbers.ts";
import type { PageAnalysis } from "./page-model.ts";

/** What one check of the data behind a page says. */
export interface GateNote {
  readonly gate: string;
  /** `unknown`: the documents at hand do not say it. */
  readonly state: "passed" | "failed" | "unknown";
  readonly says: string;
}

type Verdict = Omit<GateNote, "gate">;
type Gate = readonly [gate: string, ask: (analysis: PageAnalysis) => Verdict];

const GATES: readonly Gate[] = [
  ["Every layer was reached by the data", reached],
  ["No family of layers is at zero throughout", noFamilyAtZero],
  ["The figures follow from each other", figuresAgree],
  ["The bit budget is met", budgetMet],
];

/** Each gate over all analyses: its worst verdict, and whose it is when they differ. */
export function gateNotes(
  analyses: readonly [PageAnalysis, ...PageAnalysis[]],
): readonly GateNote[] {
  const notes = GATES.map(([gate, ask]) => {
    const verdicts = analyses.map((analysis) => ({ name: analysis.name, ...ask(analysis) }));
    const worst =
      verdicts.find(({ state }) => state === "failed") ??
      verdicts.find(({ state }) => state === "unknown") ??
      verdicts[0];
    const { state, says } = worst ?? { state: "unknown" as const, says: "" };
    const same = verdicts.filter((verdict) => verdict.state === state);
    if (analyses.length === 1) return { gate, state, says };
    const whose =
      same.length === analyses.length
        ? `all ${analyses.length} pairs`
        : same.map(({ name }) => name).join(", ");
    return {
      gate,
      state,
      says: `${whose}: ${new Set(same.map((verdict) => verdict.says)).size === 1 ? says : `for instance ${says}`}`,
    };
  });
  return analyses.length === 1 ? notes : [...notes, comparable(analyses)];
}

function comparable(analyses: readonly [PageAnalysis, ...PageAnalysis[]]): GateNote {
  const gate = "Scores of the pairs may be compared";
  if (sameSums(analyses)) {
    const { samples = 0, tokens = 0 } = analyses[0].manifest.measured ?? {};
    return {
      gate,
      state: "passed",
      says: `all are sums over the same ${samples} samples (${tokens} tokens)`,
    };
  }
  const says =
    "they are not known to be sums over the same samples: compare the order of layers, not magnitudes";
  return { gate, state: "unknown", says };
}

function reached({ scores }: PageAnalysis): Verdict {
  const calls = scores?.groups.filter(({ enabled }) => enabled).map(({ executions }) => executions);
  if (calls === undefined || calls.length === 0 || calls.includes(null)) {
    return { state: "unknown", says: "how often each layer ran is not recorded here" };
  }
  const least = Math.min(...calls.map((count) => count ?? 0));
  if (least === 0)
    return {
      state: "failed",
      says: `${calls.filter((count) => count === 0).length} layers never ran`,
    };
  return {
    state: "passed",
    says: `each of ${calls.length} measured layers ran at least ${least} times`,
  };
}

function noFamilyAtZero({ manifest: { layers } }: PageAnalysis): Verdict {
  const families = new Map<string, number[]>();
  for (const { name, candidates } of layers) {
    const scores = candidates
      .filter(({ format }) => format !== UNQUANTIZED)
      .map(({ score }) => score);
    if (scores.length === 0) continue;
    const family = name.replace(/\d+/g, "*");
    families.set(family, [...(families.get(family) ?? []), Math.max(...scores)]);
  }
  const idle = [...families].filter(([, scores]) => scores.every((score) => score === 0));
  const [first] = idle;
  if (first === undefined)
    return { state: "passed", says: `${families.size} families, each with scores above zero` };
  return {
    state: "failed",
    says: `${first[0]} has ${first[1].length} layers at exactly zero: not exercised, which is not the same as robust`,
  };
}

function figuresAgree({ manifest }: PageAnalysis): Verdict {
  const checked = checkFigures(manifest);
  return checked.ok
    ? {
        state: "passed",
        says: "costs, ranking, achieved bits and total score were worked out again",
      }
    : { state: "failed", says: checked.error.message };
}

function budgetMet({ manifest: { budgetBits, search } }: PageAnalysis): Verdict {
  const achieved = bitsText(search.effectiveBits);
  return search.satisfied
    ? { state: "passed", says: `${achieved} of ${bitsText(budgetBits)} bits per weight` }
    : {
        state: "failed",
        says: `${bitsText(budgetBits)} bits were asked for; the least that can be had is ${achieved}`,
      };
}
