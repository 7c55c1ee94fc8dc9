import type { ComparisonAnswer, ComparisonCall, ReproductionAnswer, ReproductionCall } from "aqm";
import {
  compareSubjects,
  COMPARISON_DEFAULTS,
  comparisonText,
  readSubject,
  reproductionOf,
  type Comparison,
  type ComparisonOptions,
} from "aqm/analysis";
import { recordedSettings } from "./recorded-settings.ts";

/** Compares two analyses: manifests, score documents, or op sensitivities of Intel Neural Compressor. */
export const patterns = [
  "**/*_quant_manifest.json",
  "**/sensitivity-scores.json",
  "**/op_sensitivity*.json",
];

export const options = {
  bits: "budgets in bits per weight, over the whole model, at which both are solved: bits=6,8.5",
  top: "layers in each list: top=20",
};

export function compare({ a, b, options: asked }: ComparisonCall): ComparisonAnswer {
  const chosen = readOptions(asked);
  if (typeof chosen === "string")
    return { ok: false, message: chosen, nextStep: "Write for example --with bits=6,8.5." };
  const subjects = [a, b].map(({ name, text }) => ({ name, read: readSubject(text, name) }));
  for (const { name, read } of subjects) {
    if (read.ok) continue;
    const { where, message } = read.error;
    const nextStep = "Name a manifest, a score document, or a folder with one of them.";
    return {
      ok: false,
      message: `${name}: ${where === "" ? "" : `${where}: `}${message}`,
      nextStep,
    };
  }
  const [first, second] = subjects.flatMap(({ read }) => (read.ok ? [read.value] : []));
  if (first === undefined || second === undefined) throw new Error("two subjects were read");
  const comparison = compareSubjects(first, second, chosen);
  if (!comparison.ok)
    return { ok: false, message: comparison.error.message, nextStep: "Choose another budget." };
  const { value } = comparison;
  return { ok: true, same: value.same, text: comparisonText(value), json: plain(value) };
}

/** Whether the analysis is the published one again, within the tolerances of `reproductionOf`. */
export function reproduce({ published, made }: ReproductionCall): ReproductionAnswer {
  const [theirs, ours] = [published, made].map(({ name, text }) => readSubject(text, name));
  for (const [read, { name }] of [
    [theirs, published],
    [ours, made],
  ] as const) {
    if (read?.ok !== false) continue;
    const summary = `${name} cannot be read: ${read.error.where} ${read.error.message}`;
    return { verdict: "not_compared", summary };
  }
  if (theirs?.ok !== true || ours?.ok !== true) throw new Error("two subjects were read");
  const found = reproductionOf(theirs.value, ours.value);
  if (!found.ok) return { verdict: "not_compared", summary: found.error.message };
  const { verdict, summary, figures } = found.value;
  if (verdict === "not_compared") return { verdict, summary };
  return {
    verdict,
    summary,
    figures,
    ...recordedSettings(theirs.value.configuration, ours.value.configuration),
  };
}

function readOptions({ bits, top }: Readonly<Record<string, string>>): ComparisonOptions | string {
  const budgets = bits?.split(",").map(Number) ?? COMPARISON_DEFAULTS.budgets;
  if (!budgets.every((budget) => budget > 0 && budget <= 16))
    return `bits=${bits ?? ""} is no list of numbers above 0, up to 16`;
  const most = top === undefined ? COMPARISON_DEFAULTS.most : Number(top);
  if (!Number.isSafeInteger(most) || most < 1) return `top=${top ?? ""} is no whole number from 1`;
  return { budgets, most };
}

type Plain = Extract<ComparisonAnswer, { ok: true }>["json"];

const plain = (comparison: Comparison): Plain => JSON.parse(JSON.stringify(comparison)) as Plain;
