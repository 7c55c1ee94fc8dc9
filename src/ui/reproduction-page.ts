import type { RecordedSetting, ReproductionFigure } from "../model/comparison.ts";
import {
  likelyReasons,
  reproductionCode,
  rootsOf,
  withVerdict,
  type ReproducedFile,
  type Reproduction,
} from "../model/reproduction.ts";
import { plural } from "./format.ts";
import { html, styleText, type Html } from "./html.ts";
import {
  answerText,
  answerWord,
  freshText,
  howText,
  NO_REASON,
  NO_RECORDS,
  sourceText,
} from "./reproduction-words.ts";

/** More names than this are counted. */
const SHOWN = 200;
/** More reasons than this are folded away. */
const REASONS = 25;

/** One file that needs nothing else and may be shown to anybody: it names no place on this machine. */
export function reproductionPage(reproduction: Reproduction, style: string): string {
  const { target, folder, mirrors, on } = reproduction;
  const title = `Reproduction of ${target === "." ? "everything" : target}`;
  const state = ["agrees", "differs"][reproductionCode(reproduction)] ?? "open";
  const what = mirrors === "." ? "a copy of the workspace" : mirrors;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${styleText(style)}</style>
</head>
<body>
<header>
<h1>${title}</h1>
<p class="soft">What the folder <code>${folder}</code> holds (it mirrors ${what}) against what was made here, compared on ${on}.</p>
<div class="answer ${state}"><strong>${answerWord(reproduction)}</strong>
<p>${answerText(reproduction)}.</p>
<p class="soft">${plainText(freshText(reproduction))}</p></div>
<p class="soft">Names of files are those below <code>${target}</code>.</p>
</header>
<main>
${reasonsSection(reproduction)}
${differingSection(reproduction)}
${agreeingSection(reproduction)}
${openSection(reproduction)}
${leftSection(reproduction)}
${madeWithSection(reproduction)}
</main>
</body>
</html>
`.toString();
}

function reasonsSection(reproduction: Reproduction): Html {
  if (withVerdict(reproduction, "differs").length === 0) return NOTHING;
  const reasons = likelyReasons(reproduction);
  const known = reasons.some(({ reason }) => reason.published !== null && reason.made !== null);
  const rows = reasons.map(
    ({ reason, files }) =>
      html`<tr><td>${reason.what}</td>${cell("published", reason.published)}${cell("here", reason.made)}<td data-name="read in" class="soft"><span class="path">${sourceText(reason)}</span>; ${plural(files.length, "file")}</td></tr>`,
  );
  const table = (some: readonly Html[]): Html =>
    stacked(["what", "published", "here", "read in; about"], some);
  return html`<section><h2>Likely reasons</h2>
<p>What is not the same on both sides. That it is why the results differ is likely and not proven.</p>
${known ? NOTHING : html`<p>${NO_REASON}</p>`}
${rows.length === 0 ? NOTHING : table(rows.slice(0, REASONS))}
${rows.length > REASONS ? html`<details><summary>${rows.length - REASONS} more</summary>${table(rows.slice(REASONS))}</details>` : NOTHING}
${reproduction.records ? NOTHING : html`<p class="soft">${NO_RECORDS}</p>`}</section>`;
}

function differingSection(reproduction: Reproduction): Html {
  const differing = withVerdict(reproduction, "differs");
  if (differing.length === 0) return NOTHING;
  const following = differing.filter(({ follows }) => follows.length > 0);
  const cards = rootsOf(reproduction).map(
    (file) =>
      html`<article class="card differs"><h3 class="path">${nameOf(file, reproduction)}</h3>
<p class="said">${plainText(file.summary)} <span class="soft">(${howText(file)})</span></p>
${figuresTable(file.figures)}</article>`,
  );
  return html`<section><h2>What differs</h2>
${cards}
${following.length === 0 ? NOTHING : html`<p>What is made from these differs as well, and may do so because of them alone.</p>${filesTable(following, reproduction)}`}</section>`;
}

/** Files with what is said of each; figures are folded away. */
function filesTable(files: readonly ReproducedFile[], reproduction: Reproduction): Html {
  const rows = files.map(
    (file) =>
      html`<tr><td class="path">${nameOf(file, reproduction)}</td><td>${plainText(file.summary)}${file.figures.length === 0 ? NOTHING : html`<details><summary>${plural(file.figures.length, "figure")}</summary>${figuresTable(file.figures)}</details>`}</td><td class="soft">${howText(file)}</td></tr>`,
  );
  return stacked(["file", "what came out", "how it was made"], rows);
}

/** As it is called below the target. */
const nameOf = ({ path, published }: ReproducedFile, { target }: Reproduction): Html => {
  const name = path.startsWith(`${target}/`) ? path.slice(target.length + 1) : path;
  // By its place it is called alike in both.
  const elsewhere = !path.endsWith(published) && !published.endsWith(path);
  return elsewhere
    ? html`${name} <span class="soft">published as ${published}</span>`
    : html`${name}`;
};

function figuresTable(figures: readonly ReproductionFigure[]): Html {
  if (figures.length === 0) return NOTHING;
  const rows = figures.map(
    ({ name, found, allowed, within }) =>
      html`<tr><td>${name}</td><td data-name="found" class="${within ? "" : "beyond"}">${found}</td><td data-name="still agrees" class="soft">${allowed ?? "decides nothing"}</td><td>${within ? "" : html`<span class="word differs">beyond</span>`}</td></tr>`,
  );
  return stacked(["figure", "found", "still agrees", ""], rows);
}

function agreeingSection(reproduction: Reproduction): Html {
  const agreeing = withVerdict(reproduction, "agrees");
  return agreeing.length === 0
    ? NOTHING
    : html`<section><h2>What agrees</h2>${filesTable(agreeing, reproduction)}</section>`;
}

function openSection(reproduction: Reproduction): Html {
  const open = [
    ...withVerdict(reproduction, "not_compared"),
    ...withVerdict(reproduction, "not_made"),
  ];
  return open.length === 0
    ? NOTHING
    : html`<section><h2>What was not compared</h2>${filesTable(open, reproduction)}</section>`;
}

function leftSection({ unmade, unknown }: Reproduction): Html {
  if (unmade.length + unknown.length === 0) return NOTHING;
  const names = (files: readonly string[]): Html =>
    html`<ul>${files.slice(0, SHOWN).map((file) => html`<li class="path">${file}</li>`)}</ul>${files.length > SHOWN ? html`<p class="soft">and ${files.length - SHOWN} more</p>` : NOTHING}`;
  const reasons = new Map<string, string[]>();
  for (const { file, because } of unmade)
    reasons.set(because, [...(reasons.get(because) ?? []), file]);
  const groups = [...reasons].map(
    ([because, files]) =>
      html`<details><summary>${plural(files.length, "file")}: ${because}</summary>${names(files)}</details>`,
  );
  return html`<section><h2>What else the folder holds</h2>
${groups.length === 0 ? NOTHING : html`<p>These cannot be made or compared here.</p>${groups}`}
${unknown.length === 0 ? NOTHING : html`<details><summary>${plural(unknown.length, "file")} that no target makes</summary>${names(unknown)}</details>`}</section>`;
}

function madeWithSection({ files }: Reproduction): Html {
  const settings = new Map<string, RecordedSetting>();
  for (const setting of files.flatMap(({ madeWith }) => madeWith)) {
    const { what, published, made } = setting;
    settings.set(JSON.stringify([what, published, made]), setting);
  }
  if (settings.size === 0) return NOTHING;
  const all = [...settings.values()];
  const isOther = ({ published, made }: RecordedSetting): boolean =>
    published !== null && made !== null && published !== made;
  const table = (some: readonly RecordedSetting[]): Html =>
    stacked(
      ["", "published", "here"],
      some.map(
        (one) =>
          html`<tr class="${isOther(one) ? "other" : ""}"><td>${one.what}</td>${cell("published", one.published)}${cell("here", one.made)}</tr>`,
      ),
    );
  const others = all.filter(isOther);
  const rest = all.filter((one) => !isOther(one));
  const same = rest.filter(({ published, made }) => published === made).length;
  return html`<section><h2>What both sides were made with</h2>
<p>${others.length === 0 ? "Of versions, devices and data nothing is different that both sides record." : "This is not the same on both sides."}</p>
${others.length === 0 ? NOTHING : table(others)}
${rest.length === 0 ? NOTHING : html`<details><summary>${same} the same, ${rest.length - same} recorded by one side only</summary>${table(rest)}</details>`}</section>`;
}

const cell = (name: string, value: string | null): Html =>
  html`<td data-name="${name}">${value ?? html`<span class="soft">not recorded</span>`}</td>`;

/** A table whose rows are blocks where there is no room for columns. */
const stacked = (names: readonly string[], rows: readonly Html[]): Html =>
  html`<table class="stack"><thead><tr>${names.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead><tbody>
${rows}</tbody></table>`;

const NOTHING = html``;

/** Without the marks that Markdown and terminals have around commands. */
const plainText = (text: string): string => text.replaceAll("`", "");
