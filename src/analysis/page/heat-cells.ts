import { html, type Html } from "./shared/html.ts";
import { decadeText, type LogScale } from "./log-scale.ts";
import { HEAT, heatStep } from "./palette.ts";
import { at, scoreText } from "./shared/numbers.ts";

export interface HeatCell {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** Null for a layer that was kept at 16 bits. */
  readonly score: number | null;
}

const HATCHED = "hatched";

/** One path for all cells of a colour: a tenth of the size of one element a cell. */
export function paintCells(id: string, cells: readonly HeatCell[], scale: LogScale | null): Html {
  const paths = new Map<string, string>();
  const draw = (look: string, path: string): unknown =>
    paths.set(look, (paths.get(look) ?? "") + path);
  for (const { x, y, width, height, score } of cells) {
    const box = `M${at(x)} ${at(y)}h${at(width)}v${at(height)}h-${at(width)}z`;
    if (score === null) draw(HATCHED, box);
    else if (score === 0 || scale === null) {
      draw("zero", `M${at(x)} ${at(y + height)}l${at(width)} -${at(height)}`);
    } else draw(`cell h${heatStep(scale.position(score))}`, box);
  }
  const drawn = [...paths].map(([look, path]) =>
    look === HATCHED
      ? html`<path fill="url(#${id}-hatch)" d="${path}"/>`
      : html`<path class="${look}" d="${path}"/>`,
  );
  return html`${drawn}`;
}

/** The ramp with its ends and decades, and what is not on the ramp; and how far to the right it goes. */
export function heatLegend(
  id: string,
  scale: LogScale | null,
  x: number,
  y: number,
): { readonly markup: Html; readonly right: number } {
  const width = 18;
  const parts: Html[] = [];
  let right = x;
  if (scale !== null) {
    HEAT.forEach((_, step) => {
      parts.push(
        html`<path class="cell h${step}" d="M${x + step * width} ${y}h${width}v10h-${width}z"/>`,
      );
    });
    right = x + HEAT.length * width;
    for (const decade of scale.decades) {
      const tick = at(x + scale.position(decade) * HEAT.length * width);
      parts.push(
        html`<path class="axis" d="M${tick} ${y + 10}v4"/><text class="small quiet middle" x="${tick}" y="${y + 25}">${decadeText(decade)}</text>`,
      );
    }
    const ends = `${scoreText(scale.low)} to ${scoreText(scale.high)}, logarithmic`;
    parts.push(html`<text class="small quiet" x="${right + 10}" y="${y + 9}">${ends}</text>`);
    right += 190;
  }
  parts.push(
    html`<path class="zero" d="M${right} ${y + 10}l14 -10"/><text class="small quiet" x="${right + 20}" y="${y + 9}">measured zero</text>`,
    html`<path fill="url(#${id}-hatch)" d="M${right + 120} ${y}h14v10h-14z"/><text class="small quiet" x="${right + 140}" y="${y + 9}">kept at 16 bits, not measured</text>`,
  );
  return { markup: html`${parts}`, right: right + 310 };
}
