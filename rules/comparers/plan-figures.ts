import type { RecordedSetting, ReproductionAnswer, ReproductionFigure } from "aqm";
import type { LayerDifferences } from "aqm/analysis";

/** How far two plans choose the same, as figures of a reproduction. */
export function planFigures(layers: LayerDifferences): readonly ReproductionFigure[] {
  const { both, flipped, flips, only_a, only_b } = layers;
  const first = flips
    .slice(0, 3)
    .map(({ layer, a, b }) => `${layer}: ${a} → ${b}`)
    .join(", ");
  const apart = only_a.length + only_b.length;
  return [
    {
      name: "modules whose format is chosen otherwise",
      found: `${flipped} of ${both}${first === "" ? "" : ` (${first}${flips.length > 3 ? ", …" : ""})`}`,
      allowed: "none",
      within: flipped === 0,
    },
    ...(apart === 0
      ? []
      : [
          {
            name: "modules that one side alone names",
            found: `${only_a.length} only published, ${only_b.length} only here`,
            allowed: "none",
            within: false,
          },
        ]),
  ];
}

/** Agrees where every figure is within what is allowed; else says the first that are not. */
export function verdictOf(
  figures: readonly ReproductionFigure[],
  reasons: readonly RecordedSetting[],
  agreed: string,
): ReproductionAnswer {
  const beyond = figures.filter(({ within }) => !within);
  const said = beyond.slice(0, 2).map(({ name, found }) => `${name}: ${found}`);
  return {
    verdict: beyond.length === 0 ? "agrees" : "differs",
    summary: beyond.length === 0 ? agreed : said.join("; "),
    figures,
    reasons,
  };
}

export const unreadable = (name: string, why: string): ReproductionAnswer => ({
  verdict: "not_compared",
  summary: `${name} cannot be read: ${why}`,
});
