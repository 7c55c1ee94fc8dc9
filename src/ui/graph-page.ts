import type { Picture } from "../plan/picture.ts";
import { graphData } from "./graph-data.ts";
import { opsDrawing } from "./graph-drawing.ts";
import { targetList } from "./graph-list.ts";
import { html, scriptJson, scriptText, styleText } from "./html.ts";
import { costLines } from "./plan-view.ts";

export interface PageParts {
  /** What runs in the page, as `scripts/bundle.mjs` makes it of `web/graph.ts`. */
  readonly script: string;
  readonly style: string;
}

/** One file that needs nothing else: data, drawing, style and script. The same picture gives the same bytes. */
export function graphPage(picture: Picture, title: string, { script, style }: PageParts): string {
  const { nodes } = picture;
  const stale = nodes.filter(({ verdict }) => verdict !== "fresh").length;
  const cost = picture.cost === undefined ? [] : costLines(picture.cost);
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:">
<title>${title}</title>
<style>${styleText(style)}</style>
</head>
<body>
<header>
<fieldset class="theme script"><legend>Colours</legend><label><input type="radio" name="theme" value="light dark" checked> as the system</label><label><input type="radio" name="theme" value="light"> light</label><label><input type="radio" name="theme" value="dark"> dark</label></fieldset>
<h1>${title}</h1>
<p id="summary">${nodes.length} actions, ${stale === 0 ? "all fresh" : `${stale} not fresh`}</p>
${cost.map((line) => html`<p class="cost">${line}</p>`)}
</header>
<section id="overview" aria-labelledby="overview-title">
<h2 id="overview-title">By op</h2>
<div class="scroll" tabindex="0" role="region" aria-labelledby="overview-title">${opsDrawing(picture)}</div>
</section>
<section id="critical" class="script" aria-labelledby="critical-title">
<h2 id="critical-title">Critical path</h2>
<p id="critical-note"></p>
<div id="critical-bar" aria-hidden="true"></div>
<ol id="critical-list"></ol>
</section>
<section id="targets" class="script" aria-labelledby="targets-title">
<h2 id="targets-title">Targets</h2>
<div class="tools">
<label>Search <input id="search" type="search" placeholder="path, op or cause" autocomplete="off"></label>
<label>Fold by <select id="fold"></select></label>
<span id="states" role="group" aria-label="Shown states"></span>
<span class="hint">Keys: / search, arrows move and fold, Enter selects. ★ critical path</span>
</div>
<div class="panes">
<div id="tree" role="tree" aria-label="Targets" tabindex="0"></div>
<aside id="details" aria-live="polite"></aside>
</div>
</section>
<noscript>
<section id="list" aria-labelledby="list-title">
<h2 id="list-title">Targets</h2>
<p>With JavaScript this list can be searched and folded in other ways. <code>aqm graph</code> and <code>aqm query</code> say the same as text.</p>
${targetList(picture)}
</section>
</noscript>
<script type="application/json" id="data">${scriptJson(graphData(picture))}</script>
<script>${scriptText(script)}</script>
</body>
</html>
`.toString();
}
