import type { PageModel } from "./page-model.ts";
import type { CurveOption } from "./shared/curve.ts";
import { html, lines, type Html } from "./shared/html.ts";
import { shortName } from "./shared/layer-name.ts";
import { numbered } from "./shared/numbers.ts";
import { AS_IT_IS, bitsClass, cellText, cellTitle } from "./shared/plan-figures.ts";

/** The width of every layer's weights in a plan, by kind of layer and block. */
export function planGrid(
  { bands, layers }: PageModel,
  choices: readonly number[],
  options: readonly CurveOption[],
  isKept: (layer: number) => boolean,
): Html {
  const most = Math.max(...bands.map((band) => band.layers.length));
  const heads = Array.from(
    { length: most },
    (_, b) => html`<th scope=col>${b % numbered(most) === 0 ? b : ""}`,
  );
  const rows = bands.map((band) => {
    const cells = band.layers.map((layer) => {
      const option = options[choices[layer] ?? 0] ?? AS_IT_IS;
      const title = shortName(layers[layer]?.name ?? "");
      if (isKept(layer))
        return html`<td class=kept title="${cellTitle(title, "kept at 16 bits")}">–`;
      return html`<td class=${bitsClass(option)} data-layer=${layer} title="${cellTitle(title, option.name)}">${cellText(option)}`;
    });
    return html`<tr><th scope=row>${band.tower} ${band.kind}${cells}</tr>`;
  });
  return html`<table id=plan><caption>Bits per weight by kind of layer and block; – is kept at 16 bits</caption><thead><tr><td>${heads}</thead><tbody>${lines(rows)}</tbody></table>`;
}
