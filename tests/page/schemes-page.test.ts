import { describe, expect, it } from "vitest";
import { isMeasured, type SchemesOverview } from "../../src/analysis/schemes-overview/overview.ts";
import { schemesPage } from "../../src/analysis/schemes-page/page.ts";
import { panelsOf } from "../../src/analysis/schemes-page/panel-data.ts";
import { madeScheme } from "../analysis/scheme-material.ts";
import {
  evaluated,
  goalMet,
  goalUnmet,
  madeOverview,
  shares,
  shownOf,
  unbuilt,
} from "../analysis/schemes-overview-material.ts";

const SOURCES = [
  { what: "scheme.json", path: "models/m/scheme.json", digest: `sha256:${"0".repeat(64)}` },
];

const made = schemesPage(madeOverview, SOURCES);
const measured = madeOverview.schemes.filter(isMeasured);
const titles = (picture: string): readonly string[] =>
  [...picture.matchAll(/<title>([^<]+)/g)].map(([, text = ""]) => text);

describe("the page of schemes", () => {
  it("has the answer first, then schemes, sizes, controls, files and layers", () => {
    const places = [
      "</header>",
      "id=answer",
      "id=schemes-section",
      "id=size",
      "id=controls",
      "id=files",
      "id=open",
      "id=layers-section",
    ].map((part) => made.page.indexOf(part));
    expect(places).not.toContain(-1);
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    expect(made.page).not.toContain("class=notice");
  });

  it("has a notice before the answer where weights are random, and nothing that is proven", () => {
    const random = shownOf(madeScheme("top25", 3, "random"));
    const { page } = schemesPage({ ...madeOverview, schemes: [random] }, []);
    expect(page.indexOf("class=notice")).toBeLessThan(page.indexOf("id=answer"));
    expect(page).not.toContain("</span> proven");
  });

  it("says in the text of every cell of the matrix what its colour says", () => {
    const cells = [...made.page.matchAll(/<td class=(f0|whole)>([^<]+)/g)];
    expect(cells.length).toBe(
      madeOverview.schemes.reduce((sum, { scheme }) => sum + (scheme?.layers.length ?? 0), 0),
    );
    for (const [, look, text] of cells) expect(text).toBe(look === "f0" ? "fp8/fp8" : "16");
  });

  it("draws every scheme with its controls, each with what it is", () => {
    const drawn = titles(made.picture);
    for (const { name, quality } of measured) {
      expect(drawn.some((title) => title.startsWith(`${name}: `))).toBe(true);
      for (const control of quality.controls.filter(({ kind }) => kind !== "uniform"))
        expect(drawn.some((title) => title.startsWith(`${control.name} of ${name}: `))).toBe(true);
    }
    // Three schemes measure the same uniform plan.
    expect(drawn.filter((title) => title.startsWith("uniform-"))).toHaveLength(1);
  });

  it("has a plot for each held-out data, since figures of different data do not compare", () => {
    const [first] = measured;
    if (first === undefined) throw new Error("one is measured");
    const held_out = { ...first.quality.held_out, tokens: 99 };
    const other = { ...first, name: "other", quality: { ...first.quality, held_out } };
    const overview: SchemesOverview = {
      ...madeOverview,
      schemes: [...madeOverview.schemes, other],
    };
    expect(panelsOf(overview).map(({ points }) => points.at(-1)?.label)).toEqual(["full", "other"]);
    expect(schemesPage(overview, []).picture.match(/nats a token<\/text>/g)).toHaveLength(2);
  });

  it("has goals as lines, starts of searches as marks, and answers with other tokens marked", () => {
    const schemes = [goalMet(), goalUnmet(), evaluated()];
    const { page, picture } = schemesPage({ ...madeOverview, schemes }, []);
    const drawn = titles(picture);
    expect(drawn).toContain("goal KL ≤ 0.01: for_kl_1em2");
    expect(drawn).toContain("goal KL ≤ 1e-9: for_kl_1em9");
    expect(drawn.find((title) => title.startsWith("start_scores of for_kl_1em2: "))).toMatch(
      /start of the search$/,
    );
    expect(page).toContain("id=search");
    expect(page).toContain("<code>val2017/000000000001.jpg</code> Describe the image.");
    expect(page).toContain("<td class=answer>A<mark> large &lt;b&gt;</mark> square.…");
    expect(page).toContain("0 of 1 schemes answer the same");
    for (const part of ["id=search", "id=evaluation"]) expect(made.page).not.toContain(part);
  });

  it("is whole where nothing is measured, and where nothing is chosen", () => {
    const { page, picture } = schemesPage({ ...madeOverview, schemes: [unbuilt("later")] }, []);
    expect(page).toContain("<code>aqm build models/m/quantized/later/quality.json</code>");
    expect(page).not.toContain("id=layers-section");
    expect(picture).toContain("no scheme is measured");
    for (const text of [page, picture]) expect(text).not.toMatch(/NaN|undefined|Infinity/);
  });

  it("has the same bytes for the same data, and nothing of this machine or a network", () => {
    expect(schemesPage(madeOverview, SOURCES)).toEqual(made);
    for (const text of [made.page, made.picture]) {
      expect(text).not.toContain(process.cwd());
      const addresses = text.match(/https?:[^"' ]+/g) ?? [];
      expect(addresses.filter((address) => address !== "http://www.w3.org/2000/svg")).toEqual([]);
      expect(text).not.toMatch(/NaN|undefined|Infinity/);
    }
  });

  it("shows odd names as such", () => {
    const odd = `"><script>alert(1)</script>&amp;`;
    const [first] = shares;
    if (first === undefined) throw new Error("it is made");
    const shown = shownOf(first);
    const layers = first.scheme.layers.map((layer, n) =>
      n === 0 ? { group: odd, modules: [odd], format: odd } : layer,
    );
    const { page, picture } = schemesPage(
      {
        ...madeOverview,
        model: odd,
        schemes: [
          { ...shown, name: odd, scheme: { ...first.scheme, name: odd, layers } },
          unbuilt(odd, odd),
        ],
      },
      [{ what: odd, path: odd, digest: odd }],
    );
    for (const text of [page, picture]) expect(text).not.toContain("<script>alert");
    expect(page).toContain("&lt;script&gt;alert(1)&lt;/script&gt;&amp;amp;");
  });
});
