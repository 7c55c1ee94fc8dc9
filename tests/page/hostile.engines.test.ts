import { writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { OWN_DRAW } from "../../src/analysis/engine-comparison/comparison.ts";
import { judgeEngines } from "../../src/analysis/engine-comparison/judge-engines.ts";
import { enginesPage } from "../../src/analysis/engine-comparison-page/page.ts";
import { analysisPage } from "../../src/analysis/page/analysis-page.ts";
import { formatsPage } from "../../src/analysis/page/formats-page.ts";
import type { PageAnalysis } from "../../src/analysis/page/page-model.ts";
import type { PageSubject } from "../../src/analysis/page/page-sections.ts";
import { qualityPage } from "../../src/analysis/quality-page/quality-page.ts";
import { schemesPage } from "../../src/analysis/schemes-page/page.ts";
import type { Picture } from "../../src/plan/picture.ts";
import { graphPage } from "../../src/ui/graph-page.ts";
import { pair } from "../analysis/configs.ts";
import { measuredWorld, scoresOf, truth } from "../analysis/engine-comparison-material.ts";
import { expectValue } from "../analysis/figures.ts";
import { madeUpFrontier } from "../analysis/measured-frontier-material.ts";
import {
  evaluated,
  goalMet,
  goalUnmet,
  madeOverview,
} from "../analysis/schemes-overview-material.ts";
import { Folder } from "../engine/support/folder.ts";
import { browserOrWhyNot, openPage } from "../rig/browser.ts";
import { attack, type Make } from "./hostile.ts";
import { manyPairs } from "./many-pairs.ts";

/** Names and texts that others chose, in every place of every page that aqm makes, in a real browser. */
const found = await browserOrWhyNot();
const because = "browser" in found ? "" : ` (${found.because})`;

const sources = [{ what: "manifest", path: "models/a/manifest.json", digest: "sha256:0123" }];

interface Analyses {
  readonly subject: PageSubject;
  readonly shown: readonly [PageAnalysis, ...PageAnalysis[]];
}
const analyses: Analyses = {
  subject: {
    title: "a title",
    subtitle: "a subtitle",
    sources,
    links: [],
    skipped: [
      {
        name: "wmxfp4_afp16",
        quantizers: pair("wmxfp4_afp16").quantizers,
        because: "MXFP4 needs a CUDA device",
      },
    ],
    settings: { scope: "all_layers", size: "medium" },
  },
  shown: manyPairs({
    pairs: ["wfp8_afp8", "wint4_aint8"],
    only: (name) => /[.][01][.]|merger|lm_head/.test(name),
    keep: (name) => name.includes("merger"),
  }),
};

const graph: Picture = {
  nodes: [
    {
      target: "out/one.txt",
      outputs: ["out/one.txt", "out/two.txt"],
      op: "rules/ops/copy.ts",
      runtime: "typescript",
      gpu: false,
      resources: { cpu: 1, gpu: 0 },
      verdict: "run",
      causes: [
        { kind: "input_missing", path: "in/gone.txt", obtain: "ask somebody" },
        { kind: "changed", field: "params.words", old: "old words", new: "new words" },
      ],
      seconds: 3,
      basis: null,
      coordinates: { size: "small" },
      producers: [],
      sources: ["in/one.txt"],
    },
  ],
  critical: { of: "due", nodes: [0], seconds: 3, untimed: 0 },
};

const comparison = expectValue(
  judgeEngines(
    measuredWorld(
      [truth, (n: number): number => 1 / truth(n)].flatMap((score, n) =>
        [OWN_DRAW, "draw_2"].map((draw) => ({
          engine: `engine_${n}`,
          draw,
          scores: [scoresOf(`engine_${n}`, score)],
        })),
      ),
    ),
  ),
);

/** Every element that listens is pointed at, clicked and changed. */
const TOUCHED = `for (const type of ["pointerover", "pointermove", "mouseover", "focus", "click", "change", "input"])
  for (const one of document.querySelectorAll("button, select, input, summary, tr, td, rect, circle, path, [tabindex]"))
    one.dispatchEvent(new Event(type, { bubbles: true }))`;

const ACTED = `({
  ran: "pwned" in window && !(window.pwned instanceof HTMLElement),
  elements: document.querySelectorAll("img, b#pwned, [onerror]").length,
})`;

interface Page<T> {
  readonly data: T;
  readonly make: Make<T>;
}
const of = <T>(data: T, make: Make<T>): Page<unknown> => ({ data, make }) as Page<unknown>;

const PAGES: Readonly<Record<string, Page<unknown>>> = {
  analysis: of(analyses, ({ subject, shown }) => {
    const made = analysisPage(subject, shown);
    return made.ok ? made.value.page + made.value.heatmap + made.value.frontier : null;
  }),
  formats: of([{ name: "wfp8_afp8", quantizers: pair("wfp8_afp8").quantizers }], formatsPage),
  quality: of({ frontier: madeUpFrontier(), sources }, ({ frontier, sources: from }) => {
    const made = qualityPage(frontier, from);
    return made.page + made.frontier + made.predicted;
  }),
  schemes: of(
    {
      overview: { ...madeOverview, schemes: [goalMet(), goalUnmet(), evaluated()] },
      sources,
    },
    ({ overview, sources: from }) => {
      const made = schemesPage(overview, from);
      return made.page + made.picture;
    },
  ),
  engines: of(comparison, (compared) => {
    const made = enginesPage(compared);
    return made.page + made.picture;
  }),
  graph: of({ picture: graph, title: "a title" }, ({ picture, title }) =>
    graphPage(picture, title, { script: "", style: "" }),
  ),
};

/** Each page is attacked once, and its text is then opened. */
const attacked = new Map<string, ReturnType<typeof attack>>();
function attackOn(name: string, { data, make }: Page<unknown>): ReturnType<typeof attack> {
  const known = attacked.get(name) ?? attack(make, data);
  attacked.set(name, known);
  return known;
}

it("finds a page that does not escape what it shows", () => {
  const careless = attack(({ text }) => `<p>${text}</p>`, { text: "a name" });
  expect(careless.broken).toEqual(["a name"]);
  expect(attack(() => "<p></p>", { text: "a name" }).broken).toEqual([]);
});

describe.each(Object.entries(PAGES))("the page of %s", (name, page) => {
  it("shows every text as text, one by one", () => {
    const { broken, tried } = attackOn(name, page);
    expect(broken).toEqual([]);
    expect(tried).toBeGreaterThan(0);
  });
});

describe.skipIf(!("browser" in found))(`in a browser${because}`, () => {
  if (!("browser" in found)) return;
  const { browser } = found;
  afterAll(() => browser.close());

  it.each(Object.entries(PAGES))("no text of the page of %s acts", async (name, page) => {
    const { page: text } = attackOn(name, page);
    const path = new Folder().at("page.html");
    writeFileSync(path, text);
    const said: string[] = [];
    const opened = await openPage(browser, { viewport: { width: 1100, height: 900 } });
    const address = pathToFileURL(path).href;
    opened.on("request", (request) => {
      if (request.url() !== address) said.push(`request ${request.url()}`);
    });
    opened.on("pageerror", (error) => said.push(`error ${String(error)}`));
    opened.on("dialog", () => said.push("dialog"));
    await opened.goto(address);
    // What moves is tried, too: texts that a script puts on the page are texts.
    await opened.evaluate(TOUCHED);
    const made = await opened.evaluate(ACTED);
    expect(made).toEqual({ ran: false, elements: 0 });
    expect(said).toEqual([]);
    await opened.close();
  });
});
