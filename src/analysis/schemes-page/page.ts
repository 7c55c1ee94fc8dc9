import script from "../page/client/schemes.ts?script";
import { framedPage, type PageLink } from "../page/page-frame.ts";
import { inlinePicture, pictureFile } from "../page/picture.ts";
import type { PageSource } from "../page/provenance.ts";
import { html, lines, type Html } from "../page/shared/html.ts";
import { byteText, lossText, intervalText, perplexityText } from "../quality-report/figure-text.ts";
import markStyles from "../quality-page/styles/marks.css?raw";
import qualityStyles from "../quality-page/styles/quality.css?raw";
import { layerMatrix } from "../schemes-overview/layer-matrix.ts";
import { basesOf, type SchemesOverview } from "../schemes-overview/overview.ts";
import { RANDOM_NOTICE } from "../schemes-overview/overview-markdown.ts";
import { overviewTerms } from "../schemes-overview/overview-terms.ts";
import { hasRandomWeights, overviewHeadline, overviewPoints } from "../schemes-overview/points.ts";
import { dataName } from "../schemes-overview/table-rows.ts";
import { evaluationSection } from "./evaluation-section.ts";
import { matrixSection } from "./matrix-section.ts";
import { overviewPicture } from "./overview-picture.ts";
import pictureStyles from "./styles/picture.css?raw";
import pageStyles from "./styles/schemes.css?raw";
import { controlTable, exportSection, openTable, schemeTable, searchTable } from "./tables.ts";

/** The page of all schemes of a model, and its picture as a file of its own. */
export interface SchemesPage {
  readonly page: string;
  readonly picture: string;
}

/** One HTML file that needs nothing but itself: the same bytes for the same data. */
export function schemesPage(
  overview: SchemesOverview,
  sources: readonly PageSource[],
): SchemesPage {
  const picture = overviewPicture(overview);
  const sections: readonly (Section | null)[] = [
    {
      id: "answer",
      link: "Answer",
      title: overviewHeadline(overview),
      body: html`<ul>${lines(overviewPoints(overview).map(({ lead, text }) => html`<li><strong>${lead}</strong>: ${text}`))}</ul>`,
    },
    section("schemes-section", "Schemes", "Schemes", schemeTable(overview)),
    {
      id: "size",
      link: "Size",
      title: picture.title,
      body: html`<p class=quiet>${picture.description}</p><figure class=scroll tabindex=0 role=group aria-labelledby=size-title>${inlinePicture(picture)}</figure>`,
    },
    section("search", "Search", "Searched by measurement", searchTable(overview)),
    section(
      "evaluation",
      "Evaluation",
      "Beside the unquantized model",
      evaluationSection(overview),
    ),
    section("controls", "Controls", "Against controls of the same size", controlTable(overview)),
    section("files", "Files", "Files, and what vLLM answers", exportSection(overview)),
    section("open", "Without figures", "Without figures", openTable(overview)),
  ];
  const shown = sections.filter((one) => one !== null);
  const matrix = matrixSection(layerMatrix(overview));
  const links: readonly PageLink[] = [
    ...shown.map(({ id, link }) => ({ id, text: link })),
    ...(matrix === "" ? [] : [{ id: "layers-section", text: "Layers" }]),
    { id: "reading", text: "Reading" },
    { id: "provenance", text: "Provenance" },
  ];
  const page = framedPage({
    title: `${overview.model}: schemes`,
    subtitle: "all declared schemes, as far as they are built",
    skip: { id: "schemes-section", text: "To the table of schemes" },
    summary: hasRandomWeights(overview)
      ? html`<p class=notice role=note><strong>Random weights.</strong> ${RANDOM_NOTICE}</p>`
      : html``,
    links,
    sections: [
      ...shown.map(sectionMarkup),
      matrix,
      readingSection(overview),
      provenanceSection(sources),
    ],
    styles: markStyles + qualityStyles + pictureStyles + pageStyles,
    script,
  });
  return { page, picture: pictureFile(picture) };
}

interface Section {
  readonly id: string;
  /** In the row of links. */
  readonly link: string;
  readonly title: string;
  readonly body: Html;
}

const section = (id: string, link: string, title: string, body: Html | ""): Section | null =>
  body === "" ? null : { id, link, title, body };

const sectionMarkup = ({ id, title, body }: Section): Html =>
  html`<section id=${id} aria-labelledby=${id}-title><h2 id=${id}-title>${title}</h2>${body}</section>`;

function readingSection(overview: SchemesOverview): Html {
  const terms = overviewTerms(overview).map(
    ({ term, means }) => html`<div><dt>${term}</dt><dd>${means}</dd></div>`,
  );
  const data = basesOf(overview).map(
    (basis) =>
      html`<p>On ${dataName(basis)} the unquantized model has a loss of ${intervalText(basis.reference.loss, lossText)} nats a token and a perplexity of ${intervalText(basis.reference.perplexity, perplexityText)}.</p>`,
  );
  const bytes = overview.tensors?.bytes;
  return html`<section id=reading aria-labelledby=reading-title><h2 id=reading-title>How to read it</h2>${data}${bytes === undefined ? "" : html`<p>All tensors of the unquantized checkpoint have ${byteText(bytes)}.</p>`}<dl class=terms>${terms}</dl></section>`;
}

function provenanceSection(sources: readonly PageSource[]): Html {
  const files = sources.map(
    ({ what, path, digest }) =>
      html`<tr><th scope=row>${what}<td class=path>${path}<td class=digest>${digest}`,
  );
  return html`<section id=provenance aria-labelledby=provenance-title><h2 id=provenance-title>Provenance</h2>
<details><summary>${files.length} files behind this page, and their digests</summary><div class=scroll tabindex=0 role=region aria-label="Files behind this page"><table class=plain><tbody>${lines(files)}</tbody></table></div></details>
<p class=quiet>They are read as they lie here, and nothing was built for this page. The lock record of a file, <code>aqm.lock/&lt;path&gt;.json</code>, has the digests of what it was made from in turn, the settings, the tools and the cost.</p></section>`;
}
