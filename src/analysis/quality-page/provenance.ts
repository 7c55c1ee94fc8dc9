import { html, lines, type Html } from "../page/shared/html.ts";
import type { PageSource } from "../page/provenance.ts";
import type { MeasuredFrontier } from "../quality/measured-frontier.ts";
import { sizeText, timesText } from "../quality-report/figure-text.ts";
import { scopeName } from "../quality-report/names.ts";

/** A file that the page was made from. */
export type QualitySource = PageSource;

/** What the figures come from: data, settings, versions, and the files behind the page. */
export function provenanceSection(
  frontier: MeasuredFrontier,
  sources: readonly QualitySource[],
): Html {
  const { candidates, calibration, definition, held_out, quantizable, scores, size } = frontier;
  const facts: readonly (readonly [string, string])[] = [
    ["model", frontier.model],
    ["weights", frontier.weights === "random" ? "random, never trained" : "trained"],
    ["frontier", frontier.name],
    [
      "candidates",
      `${candidates.map(({ name, bits }) => `${name} (${sizeText(bits)} bits)`).join(", ")}, or 16 bits`,
    ],
    ["layers that may be quantized", `${scopeName(frontier)}, ${quantizable.groups} groups`],
    ["predicted scores", `${scores.engine}, ${scores.method}`],
    ["calibration", `${size}, ${calibration.samples} samples`],
    [
      "held-out data",
      `${held_out.part}: ${held_out.samples} samples, ${held_out.tokens} counted tokens, ${held_out.batches} batches`,
    ],
    [
      "random plans and resamples",
      `${definition.random_plans} plans a budget, ${definition.resamples} resamples, seed ${definition.seed}; proven above ${timesText(definition.proven, 2)}`,
    ],
    ...Object.entries(frontier.environment),
  ];
  const files = sources.map(
    ({ what, path, digest }) =>
      html`<tr><th scope=row>${what}<td class=path>${path}<td class=digest>${digest}`,
  );
  const table = (rows: readonly Html[]): Html =>
    html`<table class=plain><tbody>${lines(rows)}</tbody></table>`;
  return html`<section id=provenance aria-labelledby=provenance-title><h2 id=provenance-title>Provenance</h2>
${table(facts.map(([name, value]) => html`<tr><th scope=row>${name}<td>${value}`))}
${table(files)}
<p class=quiet>The lock record of a file, <code>aqm.lock/&lt;path&gt;.json</code>, has the digests of what it was made from in turn, the settings, the tools and the cost.</p></section>`;
}
