import type { PageParts } from "./graph-page.ts";
import { html, scriptText, styleText } from "./html.ts";

/** The frame around what is shown: a list of pages, how the build goes, and what is wrong, over the last good output. */
export function servePage({ script, style }: PageParts): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>aqm watch</title>
<style>${styleText(style)}</style>
</head>
<body class="serve">
<nav aria-label="Outputs">
<p id="status" role="status"></p>
<input id="filter" type="search" placeholder="filter" aria-label="Filter outputs" autocomplete="off">
<ul id="pages"></ul>
<div id="notices"></div>
</nav>
<main>
<iframe id="view" title="Output"></iframe>
<div id="overlay" role="alert" hidden><h2>The last good output is shown below</h2><pre id="failures"></pre><button id="hide">Hide (Esc)</button></div>
</main>
<script>${scriptText(script)}</script>
</body>
</html>
`.toString();
}
