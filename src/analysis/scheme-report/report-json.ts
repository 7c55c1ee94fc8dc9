import { documentText } from "../quality/document-text.ts";
import { choiceText, wordOf } from "./words.ts";
import {
  isStatus,
  plannedLayers,
  type Answer,
  type ReportedScheme,
  type SchemeReport,
} from "./scheme-report.ts";
import { weightGroups } from "./weight-groups.ts";

const REPORT_SCHEMA = 1;

/** The report for programs: a line for each scheme, each group of equal weights and each skipped scheme. */
export const schemeReportJson = (report: SchemeReport): string =>
  documentText(
    {
      schema: REPORT_SCHEMA,
      set: report.set,
      title: report.title,
      model: report.model,
    },
    {
      schemes: report.schemes.map(schemeJson),
      weights: weightGroups(report.schemes),
      skipped: report.skipped,
    },
  );

function schemeJson(reported: ReportedScheme) {
  const { scheme, quality, settings, exports } = reported;
  const { name, scope, size, engine, candidates, choice, ranking, achieved, dropped } = scheme;
  const { quantized, kept, formats } = plannedLayers(scheme);
  const { kl, top1_agreement, perplexity } = quality.figures;
  return {
    name,
    settings: {
      scope,
      size,
      engine,
      candidates,
      choice,
      choice_in_words: choiceText(choice),
      ranking,
      lm_head: settings.lm_head,
      weights: quality.weights,
    },
    bits: achieved.bits,
    whole_bits: achieved.whole_bits,
    predicted_bytes: achieved.bytes,
    quantized_layers: quantized,
    kept_layers: kept,
    formats,
    dropped,
    search:
      scheme.search === undefined ? null : { ...scheme.search, report: quality.search ?? null },
    predicted_score: achieved.score,
    kl,
    top1_agreement,
    perplexity,
    factor: quality.verdict?.factor ?? null,
    word: wordOf(reported),
    because: quality.verdict?.because ?? quality.unjudged,
    exports: exports.map(({ format, target, check, serving }) => ({
      format,
      target,
      predicted_bytes: scheme.exports.find((of) => of.format === format)?.bytes ?? null,
      files:
        check === null
          ? null
          : {
              bytes: check.bytes,
              weight_bytes: check.weightBytes,
              quantized_layers: check.quantizedLayers,
              kept_layers: check.keptLayers,
              plan: check.plan,
              weights: check.weights,
              logits: check.logits,
              gates: check.gates,
            },
      serving: serving.map(({ device, answer }) => ({ device, ...answerJson(answer) })),
    })),
  };
}

/** A trace is in the status file, and would fill this one. */
function answerJson(answer: Answer) {
  if (!isStatus(answer)) {
    return { status: answer.word, because: answer.because, target: answer.target };
  }
  const { word, level, reason, vllm, byDefault, unquantized } = answer;
  return { status: word, level, reason, vllm, by_default: byDefault, unquantized };
}
