import { described } from "../formats/export-label.ts";
import type { PairQuantizers } from "../formats/quantizer.ts";
import { chargedBits, storedBits } from "../formats/storage.ts";
import { serviceMark, serviceReason, whatServes } from "../formats/what-serves.ts";
import type { PageAnalysis } from "./page-model.ts";
import { html, lines, type Html } from "./shared/html.ts";

/** A pair that could have been on the page. */
export interface SkippedPair {
  readonly name: string;
  readonly quantizers: PairQuantizers;
  /** Why it is not scored. */
  readonly because: string;
}

interface Row {
  readonly name: string;
  readonly quantizers: PairQuantizers | undefined;
  readonly served?: false;
  /** Null for a pair that is on the page. */
  readonly because: string | null;
}

/** What each pair does, counts and is served by; and the pairs that are not on the page, with the reason. */
export function pairsSection(
  analyses: readonly PageAnalysis[],
  skipped: readonly SkippedPair[],
): Html {
  const rows: readonly Row[] = [
    ...analyses.map((analysis) => ({ ...pairOf(analysis), because: null })),
    ...skipped,
  ];
  const absent = skipped.length > 0;
  const left = absent
    ? html` ${skipped.length} of ${rows.length} pairs are <strong>not on this page</strong>: they could not be scored, for the reason in their row.`
    : "";
  return html`<section id=pairs aria-labelledby=pairs-title><h2 id=pairs-title>${rows.length > 1 ? "Pairs" : "The pair"}</h2>
<p class=quiet>A pair is a format of weights and one of activations; 16 bits is always one more candidate. Bits per weight are those that ModelOpt's search charges, and those of a stored weight with the scale of its block.${left}</p>
<div class=scroll tabindex=0 role=region aria-labelledby=pairs-title><table class="plain pairs"><thead><tr><th scope=col>Pair<th scope=col>Weights<th scope=col>Activations<th scope=col class=n>Charged<th scope=col class=n>Stored<th scope=col>Served by${absent ? html`<th scope=col>On this page` : ""}</thead><tbody>${lines(rows.map((row) => pairRow(row, absent)))}</tbody></table></div>
${analyses.every(({ served }) => served === false) ? "" : WHAT_SERVES}</section>`;
}

const pairOf = ({ name, quantizers, served }: PageAnalysis): Omit<Row, "because"> => ({
  name,
  quantizers,
  ...(served === undefined ? {} : { served }),
});

const WHAT_SERVES = html`<p class=quiet>“vLLM” means that its loader takes what is exported, by ModelOpt or as compressed-tensors, and has a kernel for devices of that compute capability: tried with vLLM 0.33 on invented devices, up to the comparison of loaded weights. “ModelOpt export only”: the checkpoint is what it says, but vLLM does not load it. “Analysis only”: the scores are right, but no export says what the pair computes.</p>`;

const UNTRIED = html`<small>not known: servers were tried with vision-language models alone</small>`;

function pairRow({ name, quantizers, served, because }: Row, absent: boolean): Html {
  const here = absent ? html`<td>${because === null ? "yes" : `no: ${because}`}` : "";
  const row = because === null ? "" : html` class=absent`;
  if (quantizers === undefined)
    return html`<tr${row}><th scope=row>${name}<td colspan=5>its quantizers are not recorded here${here}`;
  const { weight, input } = quantizers;
  const service = whatServes(quantizers);
  const by =
    served === false
      ? UNTRIED
      : html`<strong>${serviceMark(service)}</strong><br><small>${serviceReason(service)}</small>`;
  return html`<tr${row}><th scope=row>${name}<td>${described(weight)}<td>${described(input)}<td class=n>${chargedBits(quantizers)}<td class=n>${storedBits(weight)}<td>${by}${here}`;
}
