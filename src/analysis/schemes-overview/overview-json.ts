import type { Evaluation } from "../evaluation/evaluation.ts";
import { sameAnswers } from "../evaluation/side-by-side.ts";
import { documentText } from "../quality/document-text.ts";
import { isStatus, plannedLayers, type ReportedExport } from "../scheme-report/scheme-report.ts";
import { choiceText } from "../scheme-report/words.ts";
import { baselineRows } from "./baseline-rows.ts";
import { goalStateOf } from "./goal-state.ts";
import { layerMatrix } from "./layer-matrix.ts";
import { isOfPlan } from "./plan-of-figures.ts";
import { basesOf, stateOf, type SchemesOverview, type ShownScheme } from "./overview.ts";
import { perplexityRatio, schemeWord } from "./scheme-words.ts";

const OVERVIEW_SCHEMA = 1;

/** All schemes for programs: a line for each scheme, each baseline, and each layer with its format by scheme. */
export function schemesOverviewJson(overview: SchemesOverview): string {
  const matrix = layerMatrix(overview);
  return documentText(
    {
      schema: OVERVIEW_SCHEMA,
      model: overview.model,
      unquantized_bytes: overview.tensors?.bytes ?? null,
      data: basesOf(overview).map(({ scope, held_out, reference }) => ({
        scope,
        held_out,
        reference,
      })),
      columns: matrix.schemes,
    },
    {
      schemes: overview.schemes.map(schemeJson),
      baselines: baselineRows(overview).map(
        ({ kind, name, basis, bits, bytes, figures, perplexity }) => ({
          kind,
          name,
          scope: basis.scope,
          held_out: basis.held_out.part,
          bits,
          bytes,
          kl: figures?.kl ?? null,
          top1_agreement: figures?.top1_agreement ?? null,
          perplexity,
          perplexity_ratio: perplexityRatio(perplexity, basis.reference.perplexity),
        }),
      ),
      layers: matrix.rows.map(({ layer, modules, formats }) => ({ layer, modules, formats })),
    },
  );
}

function schemeJson(shown: ShownScheme) {
  const { name, target, asked, because, scheme, quality, exports, evaluation } = shown;
  return {
    name,
    target,
    state: stateOf(shown),
    because,
    word: schemeWord(shown),
    asked: { ...asked, choice_in_words: choiceText(asked.choice) },
    chosen:
      scheme === null
        ? null
        : {
            bits: scheme.achieved.bits,
            whole_bits: scheme.achieved.whole_bits,
            predicted_bytes: scheme.achieved.bytes,
            predicted_score: scheme.achieved.score,
            ...plannedLayers(scheme),
          },
    measured:
      quality === null
        ? null
        : {
            held_out: quality.held_out,
            bits: quality.bits,
            kl: quality.figures.kl,
            top1_agreement: quality.figures.top1_agreement,
            perplexity: quality.figures.perplexity,
            perplexity_ratio: perplexityRatio(
              quality.figures.perplexity,
              quality.reference.perplexity,
            ),
            verdict: quality.verdict,
            unjudged: quality.unjudged,
          },
    goal: goalStateOf(shown),
    search:
      scheme?.search === undefined ? null : { ...scheme.search, report: quality?.search ?? null },
    evaluation:
      evaluation === null
        ? null
        : { of_this_plan: isOfPlan(evaluation, shown), ...evaluationJson(evaluation) },
    exports: exports.map((of) => exportJson(of, shown)),
  };
}

/** In short; answers and all figures are in the scheme's own `evaluation.json`. */
const evaluationJson = ({ answers, figures, speed }: Evaluation) => ({
  answers: { same: sameAnswers(answers), of: answers.length },
  figures: figures.map(({ set, leaked, note, samples, tokens, scheme }) => ({
    set,
    leaked,
    note,
    samples,
    tokens,
    kl: scheme.kl,
    top1_agreement: scheme.top1_agreement,
    perplexity_ratio: scheme.perplexity_ratio,
  })),
  speed,
});

const exportJson = (
  { format, target, check, serving }: ReportedExport,
  { scheme }: Pick<ShownScheme, "scheme">,
) => ({
  format,
  target,
  predicted_bytes: scheme?.exports.find((of) => of.format === format)?.bytes ?? null,
  weight_bytes: check?.weightBytes ?? null,
  bytes: check?.bytes ?? null,
  weights: check?.weights ?? null,
  serving: serving.map(({ device, answer }) =>
    isStatus(answer)
      ? {
          device,
          status: answer.word,
          level: answer.level,
          reason: answer.reason,
          vllm: answer.vllm,
        }
      : { device, status: answer.word, because: answer.because, target: answer.target },
  ),
});
