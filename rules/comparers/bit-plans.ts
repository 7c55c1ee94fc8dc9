import type {
  ComparisonAnswer,
  ComparisonCall,
  ReproductionAnswer,
  ReproductionCall,
  ReproductionFigure,
} from "aqm";
import { layerDifferences, readBitPlan, type PublishedBitPlan } from "aqm/analysis";
import { planFigures, unreadable, verdictOf } from "./plan-figures.ts";

/** Compares two bit plans: what was asked for, and which layers have another format. */
export const patterns = ["**/bit-plan.json"];

export function compare({ a, b }: ComparisonCall): ComparisonAnswer {
  const answer = reproduce({ published: a, made: b });
  if (answer.verdict === "not_compared") {
    const nextStep = "Name the bit-plan.json of a plan, or the folder that it lies in.";
    return { ok: false, message: answer.summary, nextStep };
  }
  const same = a.text === b.text;
  const summary = same ? "the same in every field" : answer.summary;
  const lines = answer.figures.map(({ name, found }) => `- ${name}: ${found}`);
  const text = [
    "# Two bit plans compared",
    "",
    `A: ${a.name}`,
    `B: ${b.name}`,
    "",
    `${summary}.`,
    "",
    ...lines,
  ];
  const figures = answer.figures.map(({ name, found }) => ({ name, found }));
  return { ok: true, same, text: `${text.join("\n")}\n`, json: { summary, figures } };
}

/** Whether it is the published plan again: asked for the same, and no layer has another format. */
export function reproduce({ published, made }: ReproductionCall): ReproductionAnswer {
  const [theirs, ours] = [readBitPlan(published.text), readBitPlan(made.text)];
  if (!theirs.ok) return unreadable(published.name, theirs.error.message);
  if (!ours.ok) return unreadable(made.name, ours.error.message);
  const [a, b] = [theirs.value, ours.value];
  const reasons = [...new Set([...a.settings.keys(), ...b.settings.keys()])].flatMap((field) => {
    const [old, now] = [a.settings.get(field) ?? null, b.settings.get(field) ?? null];
    return old === now ? [] : [{ what: `setting ${field}`, field, published: old, made: now }];
  });
  const figures = [
    ...planFigures(layerDifferences(a.layers, b.layers)),
    sameFigure("bits of layers that may be quantized", a.bits, b.bits),
    sameFigure("gigabytes of layers that may be quantized", a.gigabytes, b.gigabytes),
    storedFigure(a, b),
    ...reasons.map(({ field, published: old, made: now }) => ({
      name: field,
      found: `${old ?? "none"} published, ${now ?? "none"} here`,
      allowed: "the same",
      within: false,
    })),
  ];
  return verdictOf(figures, reasons, "the same plan: every layer has the same format");
}

const sameFigure = (name: string, published: number, made: number): ReproductionFigure => ({
  name,
  found: published === made ? `${made}` : `${published} published, ${made} here`,
  allowed: "the same",
  within: published === made,
});

/** Layers of both that count other weights, or are stored in other bits of one format. */
function storedFigure(a: PublishedBitPlan, b: PublishedBitPlan): ReproductionFigure {
  const published = new Map(a.layers.map((layer) => [layer.group, layer]));
  const apart = b.layers.filter(({ group, weights, bits, format }) => {
    const other = published.get(group);
    if (other === undefined) return false;
    return other.weights !== weights || (other.format === format && other.bits !== bits);
  });
  return {
    name: "layers with other weights, or other bits of the same format",
    found: `${apart.length} of ${b.layers.length}`,
    allowed: "none",
    within: apart.length === 0,
  };
}
