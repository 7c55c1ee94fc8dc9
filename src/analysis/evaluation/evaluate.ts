import { failed, ok, type Analysed } from "../result/result.ts";
import type { JudgedPlan, QualityDocument } from "../quality/quality-document.ts";
import { verdictText } from "../quality-report/names.ts";
import { planDigest } from "../schemes/plan-digest.ts";
import type { Scheme } from "../schemes/scheme.ts";
import type { SchemeQuality } from "../schemes/scheme-quality.ts";
import type { AnswersDocument } from "./answers-document.ts";
import { LEAKED, type Evaluation, type MeasuredOn } from "./evaluation.ts";

/** What an evaluation is put together from. */
export interface EvaluationSource extends Pick<Evaluation, "sizes" | "speed"> {
  readonly scheme: Pick<Scheme, "name" | "model" | "scope" | "size" | "layers">;
  /** What the scheme was judged by. */
  readonly quality: SchemeQuality;
  /** The scheme's own measurement on the same held-out set: a document of one plan. */
  readonly measured: QualityDocument;
  /** The same on the set that is part of the calibration data; null where the data set declares none. */
  readonly leaked: QualityDocument | null;
  readonly answers: AnswersDocument;
}

/** Name of the set that the original evaluated on. */
export const EVALUATION_SET = "evaluation";

/** Everything that is known of a scheme beside the unquantized model. */
export function evaluate(source: EvaluationSource): Analysed<Evaluation> {
  const { scheme, quality, measured, leaked, answers, sizes, speed } = source;
  if (quality.plan !== planDigest(scheme))
    return failed(
      "figures_disagree",
      scheme.name,
      `What ${scheme.name} was judged by is another plan than its own. Build the quality of the scheme again.`,
    );
  const figures: MeasuredOn[] = [];
  const sets = [
    { set: quality.held_out.part, document: measured, isLeaked: false },
    ...(leaked === null ? [] : [{ set: EVALUATION_SET, document: leaked, isLeaked: true }]),
  ];
  for (const { set, document, isLeaked } of sets) {
    const found = measuredOn(set, document, isLeaked);
    if (!found.ok) return found;
    figures.push(found.value);
  }
  const [published] = figures;
  for (const { scope, what } of [
    { scope: measured.scope, what: "measurement" },
    { scope: leaked?.scope ?? scheme.scope, what: "measurement on leaked data" },
    { scope: answers.scope, what: "answers" },
  ]) {
    if (scope !== scheme.scope)
      return failed(
        "basis_differs",
        scheme.name,
        `The ${what} of ${scheme.name} ${what === "answers" ? "are" : "is"} of scope ${scope}, and the scheme of ${scheme.scope}. Build both again.`,
      );
  }
  if (published?.scheme.kl.value !== quality.figures.kl.value)
    return failed(
      "figures_disagree",
      scheme.name,
      `The KL of ${scheme.name} is ${published?.scheme.kl.value} as measured, and ${quality.figures.kl.value} as judged. Build the scheme again.`,
    );
  return ok({
    name: scheme.name,
    model: scheme.model,
    scope: scheme.scope,
    size: scheme.size,
    plan: quality.plan,
    weights: quality.weights,
    word: quality.verdict === null ? "not judged" : verdictText(quality.verdict),
    figures,
    sizes,
    speed,
    max_new_tokens: answers.max_new_tokens,
    answers: answers.answers,
  });
}

/** Figures with the mark that belongs to them; refused where the document bears another one. */
function measuredOn(set: string, document: QualityDocument, leaked: boolean): Analysed<MeasuredOn> {
  if (document.leaked !== leaked)
    return failed(
      "leaked_data",
      set,
      leaked
        ? `The measurement on ${set} does not say that its samples are part of the calibration data. Measure it with the param leaked.`
        : `The measurement on ${set} says that its samples are part of the calibration data. Measure on a held-out set.`,
    );
  const [plan, ...others] = document.plans;
  const { figures, further } = plan ?? ({} as Partial<JudgedPlan>);
  if (figures === undefined || further === undefined || others.length > 0)
    return failed(
      "wrong_structure",
      set,
      `The measurement on ${set} does not hold all figures of exactly one plan. Measure it again.`,
    );
  const { samples, tokens } = document.heldOut;
  return ok({
    set,
    leaked,
    note: leaked ? LEAKED : null,
    samples,
    tokens,
    unquantized: document.reference,
    scheme: { ...figures, ...further },
  });
}
