import type { ComparisonAnswer, ComparisonCall, ReproductionAnswer, ReproductionCall } from "aqm";
import { compareSchemes, readScheme, schemeComparisonText, LAYERS_SHOWN } from "aqm/analysis";
import { planFigures, unreadable, verdictOf } from "./plan-figures.ts";

/** Compares two schemes: what was asked for, what came out, and which layers have another format. */
export const patterns = ["**/quantized/**/scheme.json"];

export const options = { top: `layers in each list: top=${LAYERS_SHOWN}` };

export function compare({ a, b, options: { top } }: ComparisonCall): ComparisonAnswer {
  const most = top === undefined ? LAYERS_SHOWN : Number(top);
  if (!Number.isSafeInteger(most) || most < 1) {
    const message = `top=${top ?? ""} is no whole number from 1`;
    return { ok: false, message, nextStep: "Write for example --with top=40." };
  }
  const schemes = [];
  for (const { name, text } of [a, b]) {
    const read = readScheme(text);
    if (!read.ok) {
      const { where, message } = read.error;
      return {
        ok: false,
        message: `${name}: ${where === "" ? "" : `${where}: `}${message}`,
        nextStep: "Name the scheme.json of a scheme, or the folder that it lies in.",
      };
    }
    schemes.push({ name, scheme: read.value });
  }
  const [first, second] = schemes;
  if (first === undefined || second === undefined) throw new Error("two schemes were read");
  const comparison = compareSchemes(first, second);
  return {
    ok: true,
    same: comparison.same,
    text: schemeComparisonText(comparison, most),
    json: JSON.parse(JSON.stringify(comparison)) as Plain,
  };
}

/** Whether it is the published scheme again: asked for the same, and no layer has another format. */
export function reproduce({ published, made }: ReproductionCall): ReproductionAnswer {
  const [theirs, ours] = [readScheme(published.text), readScheme(made.text)];
  if (!theirs.ok) return unreadable(published.name, theirs.error.message);
  if (!ours.ok) return unreadable(made.name, ours.error.message);
  const compared = compareSchemes(
    { name: published.name, scheme: theirs.value },
    { name: made.name, scheme: ours.value },
  );
  const sizes = compared.sizes.filter(({ unit }) => unit !== "score");
  const figures = [
    ...planFigures(compared.layers),
    ...sizes.map(({ what, a, b }) => ({
      name: what,
      found: `${a ?? "none"} published, ${b ?? "none"} here`,
      allowed: "the same",
      within: false,
    })),
    ...compared.settings.map(({ setting, a, b }) => ({
      name: setting,
      found: `${a} published, ${b} here`,
      allowed: "the same",
      within: false,
    })),
  ];
  const { dropped } = compared;
  if (dropped.a.length + dropped.b.length > 0)
    figures.push({
      name: "candidates that one side alone left out",
      found: `${dropped.a.length} published, ${dropped.b.length} here`,
      allowed: "none",
      within: false,
    });
  const reasons = compared.settings.map(({ setting, a, b }) => ({
    what: `setting ${setting}`,
    field: setting,
    published: a,
    made: b,
  }));
  return verdictOf(figures, reasons, "the same plan: every layer has the same format");
}

type Plain = Extract<ComparisonAnswer, { ok: true }>["json"];
