import { pageColours } from "./palette.ts";
import { html, lines, scriptText, styleText, type Html, type Part } from "./shared/html.ts";
import pageStyles from "./styles/page.css?raw";
import pictureStyles from "./styles/picture.css?raw";

/** What differs between one kind of page and another. */
export interface PageFrame {
  readonly title: string;
  readonly subtitle: string;
  /** Where the first link goes, which only the keyboard reaches. */
  readonly skip: PageLink;
  /** Between the heading and the row of links. */
  readonly summary: Html;
  /** Sections of this page, by their ids. */
  readonly links: readonly PageLink[];
  readonly sections: readonly Part[];
  /** Styles beside those that all pages have. */
  readonly styles?: string;
  /** What the script reads, as a script element of JSON. */
  readonly data?: Html;
  /** A script for the browser; the page is complete without it. */
  readonly script: string;
}

export interface PageLink {
  readonly id: string;
  readonly text: string;
}

/** One HTML document that needs nothing but itself: no network, no other file. */
export function framedPage(frame: PageFrame): string {
  const { title, subtitle, skip, summary, links, sections, styles = "", data, script } = frame;
  return html`<!doctype html>
<html lang=en>
<head>
<meta charset=utf-8>
<meta name=viewport content="width=device-width, initial-scale=1">
<meta http-equiv=Content-Security-Policy content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline' 'self'; connect-src 'self'; img-src data:">
<meta name=color-scheme content="light dark">
<title>${title}, ${subtitle}</title>
<style>
${styleText(`${pageColours()}\n${pictureStyles}${pageStyles}${styles}`)}</style>
</head>
<body>
<a class=skip href="#${skip.id}">${skip.text}</a>
<header><div><h1>${title}</h1><p class=quiet>${subtitle}</p></div>
<fieldset class="theme script"><legend>Colours</legend><label><input type=radio name=theme value="light dark" checked> as the system</label><label><input type=radio name=theme value=light> light</label><label><input type=radio name=theme value=dark> dark</label></fieldset></header>
${summary}
<nav aria-label="On this page">${links.map(({ id, text }) => html`<a href="#${id}">${text}</a>`)}</nav>
<main>
${lines(sections)}
</main>
${data === undefined ? "" : html`<script type="application/json" id=data>${data}</script>\n`}<script>${scriptText(script.trim())}</script>
</body>
</html>
`.toString();
}
