import { UNQUANTIZED } from "../formats/label.ts";
import { html, lines, type Html } from "../page/shared/html.ts";
import {
  MIXED,
  shortFormat,
  type LayerMatrix,
  type MatrixRow,
} from "../schemes-overview/layer-matrix.ts";

/** Formats with a colour of their own; more of them share colours, and are told apart by their text. */
const COLOURS = 6;

/** Which layer gets which format in which scheme; the script hides what is the same, or all but two schemes. */
export function matrixSection(matrix: LayerMatrix): Html | "" {
  const { schemes, formats, rows } = matrix;
  if (schemes.length === 0) return "";
  const differing = rows.filter(({ differs }) => differs).length;
  const heads = schemes.map((name, n) => html`<th scope=col data-scheme=${n}><span>${name}</span>`);
  const body = rows.map((row) => rowMarkup(row, formats));
  return html`<section id=layers-section aria-labelledby=layers-title><h2 id=layers-title>Which layer gets which format</h2>
<p class=quiet>A format is weights/inputs; one word alone is weights only, 16 is not quantized, – is not named by that scheme. ${rows.length} layer groups, ${differing} of them decided otherwise by some schemes.</p>
<ul class=counts>${lines(formats.map((format) => html`<li><span class="swatch ${colourOf(format, formats)}">${shortFormat(format)}</span> ${format}`))}<li><span class="swatch whole">16</span> not quantized</ul>
${controls(schemes)}
<div class="scroll tall" tabindex=0 role=region aria-labelledby=layers-title><table id=matrix><thead><tr><th scope=col>Layer group${heads}</tr></thead><tbody>
${lines(body)}
</tbody></table></div></section>`;
}

function rowMarkup(
  { layer, modules, place, formats: chosen, differs }: MatrixRow,
  formats: readonly string[],
): Html {
  const cells = chosen.map((format) =>
    format === null
      ? html`<td class=none>–`
      : html`<td class=${colourOf(format, formats)}>${shortFormat(format)}`,
  );
  const members = modules.length === 1 ? layer : `${layer} and ${modules.length - 1} more`;
  return html`<tr${differs ? "" : html` class=same`}><th scope=row title="${members}">${place}${cells}</tr>`;
}

function colourOf(format: string, formats: readonly string[]): string {
  if (format === UNQUANTIZED) return "whole";
  if (format === MIXED) return "none";
  return `f${formats.indexOf(format) % COLOURS}`;
}

function controls(schemes: readonly string[]): Html | "" {
  if (schemes.length < 2) return "";
  const options = schemes.map((name, n) => html`<option value=${n}>${name}`);
  return html`<div class="controls script"><label><input type=checkbox id=matrix-differing> only where schemes differ</label><label>Compare <select id=matrix-a><option value="">all schemes${options}</select></label><label>with <select id=matrix-b><option value="">–${options}</select></label><output id=matrix-count aria-live=polite></output></div>`;
}
