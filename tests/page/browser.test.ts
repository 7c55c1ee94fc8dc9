import type { Page } from "playwright-core";
import { parse } from "yaml";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { analysisPage } from "../../src/analysis/page/analysis-page.ts";
import { formatsPage } from "../../src/analysis/page/formats-page.ts";
import type { PageSubject } from "../../src/analysis/page/page-sections.ts";
import type { PageAnalysis } from "../../src/analysis/page/page-model.ts";
import { adjustedBits } from "../../src/analysis/formats/adjusted-bits.ts";
import { problemFromManifest } from "../../src/analysis/manifest/problem-from-manifest.ts";
import { budgetData } from "../../src/analysis/page/budget-curve.ts";
import { pageModel } from "../../src/analysis/page/page-model.ts";
import { problemOf } from "../../src/analysis/page/shared/budget-data.ts";
import { sharesOf } from "../../src/analysis/page/shared/solve-curve.ts";
import { pair } from "../analysis/configs.ts";
import { solveBitPlan } from "../../src/analysis/solve/solve-bit-plan.ts";
import { browserOrWhyNot, openWatched, type openPage } from "../rig/browser.ts";
import { CRAMPED, FAINT, OUTSIDE } from "./looks.ts";
import { manyPairs } from "./many-pairs.ts";
import { schemeMistakes } from "./scheme-schema.ts";
import { WIDE } from "../rig/wide.ts";

const found = await browserOrWhyNot();
const title = "browser" in found ? "in a browser" : `in a browser (${found.because})`;

/** Layer and format of every row of the table. */
const ROWS = `[...document.querySelectorAll("#layers tbody tr")].map((row) => [
  Number(row.dataset.layer), row.querySelector(".f").textContent])`;

/** Vision kept in part, so that there are layers of every sort. */
/** Two blocks of some kinds: drawings are as narrow as they get. */
const small = (kinds: RegExp, pairs: readonly string[] = ["wfp8_afp8", "wint4_aint8"]) =>
  manyPairs({ pairs, only: (name) => kinds.test(name) });

const analyses = manyPairs({
  pairs: ["wfp8_afp8", "wint4_aint8"],
  keep: (name) => name.includes("merger"),
  effectiveBits: 9,
});

/** With what is known of the pairs, and one that could not be scored. */
const three = manyPairs({
  pairs: ["wfp8_afp8", "wfp4_afp16", "wint8_aint4"],
  keep: (name) => name.includes("merger"),
  only: (name) => /[.][0-3][.]|merger|lm_head/.test(name),
  quantizers: (name) => pair(name).quantizers,
});
const left = {
  name: "wmxfp4_afp16",
  quantizers: pair("wmxfp4_afp16").quantizers,
  because: "MXFP4 needs a CUDA device",
};

/** Of what the page of three is solved. */
const dataOf = (shown: readonly [PageAnalysis, ...PageAnalysis[]]) => {
  const model = pageModel(shown);
  if (!model.ok) throw new Error(model.error.message);
  return budgetData(shown, model.value);
};

const { manifest } = three[1] ?? three[0];
/** The second was scored over other samples. */
const apart = [
  three[0],
  {
    ...three[0],
    name: "other",
    manifest: { ...manifest, measured: { samples: 16, batches: 2, tokens: 99 } },
  },
] as const;

const SOURCE = {
  what: "manifest wfp8_afp8",
  path: `models/a_model/layer-analysis/${"weight-fp8-act-fp8_".repeat(4)}/manifest.json`,
  digest: `sha256:${"0".repeat(64)}`,
};

function pageOf(
  shown: readonly [PageAnalysis, ...PageAnalysis[]],
  skipped: PageSubject["skipped"] = [],
): string {
  const settings = { scope: "all_layers", size: "medium" };
  const subject = { title: "t", subtitle: "s", sources: [SOURCE], links: [], skipped, settings };
  const made = analysisPage(subject, shown);
  if (!made.ok) throw new Error(made.error.message);
  return made.value.page;
}

describe.skipIf(!("browser" in found))(title, () => {
  if (!("browser" in found)) return;
  const { browser } = found;
  const texts = {
    both: pageOf(analyses),
    one: pageOf([analyses[0]]),
    three: pageOf(three, [left]),
    apart: pageOf(apart),
    formats: formatsPage(
      ["wfp8_afp8", "wfp4_afp16", "wint4_aint8"].map((name) => ({
        name,
        quantizers: pair(name).quantizers,
      })),
    ),
    small: pageOf(small(/[.][01][.]|merger|embed/)),
    smallOne: pageOf(small(/[.][01][.]|merger|embed/, ["wfp8_afp8"])),
    threeKinds: pageOf(small(/layers[.][01][.](self_attn|mlp.gate)|embed/)),
  };
  const said: string[] = [];
  let page: Page;

  const open = (
    which: keyof typeof texts,
    options: Parameters<typeof openPage>[1] = {},
  ): Promise<Page> =>
    openWatched(browser, texts[which], {
      viewport: { width: 1280, height: 900 },
      ...options,
      said,
      queries: true,
    });

  beforeAll(async () => {
    page = await open("both");
  });
  afterAll(async () => {
    await browser.close();
    expect(said, "requests, console messages and errors of all pages").toEqual([]);
  });

  /** Does something to the candidates, and waits for the page to solve them. */
  const choose = async (what: () => Promise<unknown>): Promise<void> => {
    // Listening before anything is done: a key may be quicker than a script that was asked for before.
    await page.evaluate(
      "void (window.planned = new Promise((done) => document.addEventListener('plan', () => done(true), { once: true })))",
    );
    await what();
    await page.evaluate("window.planned");
  };
  const box = (name: string) => page.locator("#candidates").getByLabel(name);
  const columnTexts = (selector: string): Promise<string[]> =>
    page.locator(`#layers tbody tr:visible ${selector}`).allTextContents();
  const numbers = (texts: readonly string[]): number[] =>
    texts.filter((t) => t !== "kept").map(Number);
  const falling = (values: readonly number[]): number[] => values.toSorted((a, b) => b - a);
  const heading = (key: string) => page.locator(`#layers th[data-key=${key}]`);

  it("sorts by a click, and the other way by another; kept layers stay last", async () => {
    await heading("score-1").getByRole("button").click();
    const first = await columnTexts("td:nth-child(7)");
    expect(first).toHaveLength(276);
    expect(first.slice(-2)).toEqual(["kept", "kept"]);
    expect(numbers(first)).toEqual(falling(numbers(first)));
    expect(await heading("score-1").getAttribute("aria-sort")).toBe("descending");
    await heading("score-1").getByRole("button").click();
    const second = await columnTexts("td:nth-child(7)");
    expect(numbers(second)).toEqual(falling(numbers(second)).toReversed());
    expect(second.slice(-2)).toEqual(["kept", "kept"]);
  });

  it("sorts by the keyboard", async () => {
    await heading("name").getByRole("button").focus();
    await page.keyboard.press("Enter");
    expect(await heading("name").getAttribute("aria-sort")).toBe("ascending");
    expect(await heading("score-1").getAttribute("aria-sort")).toBeNull();
    expect((await columnTexts("th")).slice(0, 3)).toEqual([
      "lm_head",
      "layers.0.mlp.down_proj",
      "layers.0.mlp.gate_proj",
    ]);
  });

  it("filters by words, kind, and whether a layer was measured", async () => {
    const count = page.locator("#filter-count");
    expect(await count.textContent()).toBe("276 of 276 layers");
    await page.locator("#filter").fill("visual 3");
    expect(await columnTexts("th")).toHaveLength(4);
    expect(await count.textContent()).toBe("4 of 276 layers");
    await page.locator("#filter").fill("");
    await page.locator("#filter-kind").selectOption("language down");
    expect(await columnTexts("th")).toHaveLength(36);
    await page.locator("#filter-kind").selectOption("");
    await page.locator("#filter-kept").uncheck();
    expect(await columnTexts("th")).toHaveLength(274);
    await page.locator("#filter-kept").check();
  });

  /** What the page shows as the plan, by layer. */
  const shownPlan = async (): Promise<{ bits: string; score: string; formats: string[] }> => ({
    bits: (await page.locator("#plan-bits").textContent()) ?? "",
    score: (await page.locator("#plan-score").textContent()) ?? "",
    formats: (await page.evaluate<[number, string][]>(ROWS))
      .toSorted(([a], [b]) => a - b)
      .map(([, format]) => format),
  });
  const solvedPlan = (budget: number): Awaited<ReturnType<typeof shownPlan>> => {
    const plan = solveBitPlan(problemFromManifest(analyses[0].manifest), budget);
    if (!plan.ok) throw new Error(plan.error.message);
    return {
      bits: `${plan.value.bits.achieved.toFixed(3)} bits`,
      score: plan.value.score.toExponential(2).replace("e+", "e"),
      formats: plan.value.choices.map(({ candidate }) =>
        candidate.bits === 16 ? "16 bits" : "wfp8_afp8",
      ),
    };
  };
  /** Of the layers that may be quantized, as a run asks for it. */
  const askedShown = async (): Promise<number> =>
    Number.parseFloat((await page.locator("#plan-asked").textContent()) ?? "");
  const shares = sharesOf(dataOf([analyses[0]]));
  const planAsked = (asked: number) => solvedPlan(adjustedBits(shares, asked));

  it("begins with the plan of the run, and follows the arrow keys", async () => {
    await page.close();
    page = await open("one");
    const own = analyses[0].manifest.budgetBits;
    expect(await shownPlan()).toEqual(solvedPlan(own));
    await page.locator("#budget-range").focus();
    for (const key of ["ArrowRight", "ArrowRight", "ArrowRight"]) await page.keyboard.press(key);
    const asked = await askedShown();
    expect(asked).toBeCloseTo(9.15, 9); // of the layers that may be quantized: three steps above 9
    const after = await shownPlan();
    expect(after).toEqual(planAsked(asked));
    expect(after.formats).not.toEqual(solvedPlan(own).formats);
    expect(await page.locator("#budget-range").getAttribute("aria-valuetext")).toBe(
      `${asked} bits`,
    );
    const cells = await page.locator("#plan td[data-layer]").allTextContents();
    expect(cells.filter((text) => text === "8")).toHaveLength(
      after.formats.filter((format) => format === "wfp8_afp8").length,
    );
  });

  it.runIf(WIDE)("follows a drag on the curve, and goes back to the run's own budget", async () => {
    const box = await page.locator("#frontier").boundingBox();
    if (box === null) throw new Error("the frontier is not there");
    await page.mouse.move(box.x + box.width * 0.2, box.y + 100);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.8, box.y + 100, { steps: 5 });
    await page.mouse.up();
    const asked = await askedShown();
    expect(asked).toBeGreaterThan(13);
    expect(await shownPlan()).toEqual(planAsked(asked));
    await page.mouse.move(box.x + box.width * 0.3, box.y + 100);
    expect(await askedShown()).toBe(asked); // the button is up
    await page.getByRole("button", { name: "Budget of this run" }).click();
    expect(await shownPlan()).toEqual(solvedPlan(analyses[0].manifest.budgetBits));
  });

  it.runIf(WIDE)("changes the candidates, and keeps the bits as near as can be", async () => {
    await page.close();
    page = await open("both");
    const before = await page.locator("#plan-score").textContent();
    await page.locator("#budget-range").focus();
    await page.keyboard.press("End");
    await page.keyboard.press("ArrowLeft");
    const bits = Number.parseFloat((await page.locator("#plan-bits").textContent()) ?? "");
    await choose(() => box("wfp8_afp8").uncheck());
    const now = Number.parseFloat((await page.locator("#plan-bits").textContent()) ?? "");
    expect(Math.abs(now - bits)).toBeLessThan(0.3);
    expect(await page.locator("#plan-score").textContent()).not.toBe(before);
    const names = new Set((await shownPlan()).formats);
    expect([...names].sort()).toEqual(["16 bits", "wint4_aint8"]);
  });

  it("solves the chosen pairs as the op does, counted as charged and as stored", async () => {
    await page.close();
    page = await open("three");
    const data = dataOf(three);
    const solvedFor = (chosen: readonly number[], counted: "charged" | "stored", asked: number) => {
      const plan = solveBitPlan(
        problemOf(data, new Set(chosen), counted),
        adjustedBits(sharesOf(data), asked),
      );
      if (!plan.ok) throw new Error(plan.error.message);
      const formats = plan.value.choices.map(({ candidate: { format } }) =>
        format === "NONE" ? "16 bits" : (three[Number(format)]?.name ?? ""),
      );
      const { bits, score } = plan.value;
      const said = score.toExponential(2).replace("e+", "e");
      return { bits: `${bits.achieved.toFixed(3)} bits`, score: said, formats };
    };
    expect(await askedShown()).toBe(6);
    // The pair with 4-bit activations is for analysis only: it is chosen when somebody asks for it.
    expect(await shownPlan()).toEqual(solvedFor([0, 1], "charged", 6));
    expect(await box("wint8_aint4").isVisible()).toBe(false);
    await page.getByLabel("Show pairs for analysis only").check();
    // By the keyboard: its box is the last one.
    await box("wint8_aint4").focus();
    await choose(() => page.keyboard.press("Space"));
    await page.getByRole("button", { name: "Budget of this run" }).click();
    expect(await shownPlan()).toEqual(solvedFor([0, 1, 2], "charged", 6));
    await box("wint8_aint4").focus();
    await choose(() => page.keyboard.press("Space"));
    expect(await page.locator("#choice-words").textContent()).toBe(
      "Each layer may have wfp8_afp8, wfp4_afp16, or 16 bits.",
    );
    expect(await page.locator("#frontier .front").textContent()).toBe("2 of 3 pairs");
    await page.getByRole("button", { name: "Budget of this run" }).click();
    expect(await shownPlan()).toEqual(solvedFor([0, 1], "charged", 6));
    expect(await page.locator("#plan-serving").textContent()).toBe(
      "vLLM, compute capability 8.0 or higher",
    );
    await choose(() => page.locator("#counted").selectOption("stored"));
    await page.getByRole("button", { name: "Budget of this run" }).click();
    expect(await shownPlan()).toEqual(solvedFor([0, 1], "stored", 6));
    // Those of single pairs are drawn with bits as charged, so they do not stand beside this one.
    expect(await page.locator("#frontier .curve:visible").count()).toBe(1);
    await choose(() => page.getByRole("button", { name: "All", exact: true }).click());
    expect(await page.locator("input[name=pair]:checked").count()).toBe(3);
    await choose(() => page.getByRole("button", { name: "Those that vLLM serves" }).click());
    expect(await page.locator("input[name=pair]:checked").count()).toBe(2);
    for (const name of ["wfp8_afp8", "wfp4_afp16"]) await choose(() => box(name).uncheck());
    expect((await shownPlan()).formats.every((format) => format === "16 bits")).toBe(true);
    expect(await page.locator("#plan-serving").textContent()).toBe("nothing is quantized");
  });

  it.runIf(WIDE)(
    "shows pairs that nothing serves while its switch is on, also after a reload",
    async () => {
      await page.close();
      page = await open("three");
      const more = page.getByLabel("Show pairs for analysis only");
      const shown = async () => ({
        boxes: await page.locator("input[name=pair]:visible").count(),
        chosen: await page.locator("input[name=pair]:checked").count(),
        curves: await page.locator("#frontier .curve:visible").count(),
      });
      expect(await shown()).toEqual({ boxes: 2, chosen: 2, curves: 3 });
      await more.check();
      expect(await shown()).toEqual({ boxes: 3, chosen: 2, curves: 4 });
      await page.reload();
      expect(page.url()).toMatch(/page\.html\?pairs=all$/);
      expect(await more.isChecked()).toBe(true);
      await choose(() => page.getByRole("button", { name: "All", exact: true }).click());
      expect((await shown()).chosen).toBe(3);
      // Switched off, it takes back what it had offered.
      await choose(() => more.uncheck());
      expect(await shown()).toEqual({ boxes: 2, chosen: 2, curves: 3 });
      expect(page.url()).toMatch(/page\.html$/);
    },
  );

  it.runIf(WIDE)("copies the plan on show as a scheme that chooses that plan", async () => {
    await page.close();
    page = await open("three");
    await page.locator("#counted").selectOption("stored");
    await page.locator("#budget-range").focus();
    await choose(() => page.keyboard.press("ArrowRight"));
    await page.locator("#scheme summary").click();
    const text = page.locator("#scheme-yaml");
    const yaml = await text.inputValue();
    const scheme = parse(yaml) as { candidates: string[]; choice: { bits: number } };
    expect(schemeMistakes(scheme)).toEqual([]);
    const data = dataOf(three);
    const chosen = new Set(
      scheme.candidates.map((name) => three.findIndex((one) => one.name === name)),
    );
    const budget = adjustedBits(sharesOf(data), scheme.choice.bits);
    const plan = solveBitPlan(problemOf(data, chosen, "stored"), budget);
    if (!plan.ok) throw new Error(plan.error.message);
    expect(plan.value.score.toExponential(2).replace("e+", "e")).toBe((await shownPlan()).score);

    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.getByRole("button", { name: "Copy the plan" }).click();
    await page.getByText("Copied.").waitFor();
    expect(await page.evaluate("navigator.clipboard.readText()")).toBe(yaml);
    // Where it may not, the text is there to be copied by hand.
    await page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })");
    await page.getByRole("button", { name: "Copy the plan" }).click();
    await page.getByText("This page may not copy").waitFor();
    expect(await page.evaluate("getSelection().toString()")).toBe(yaml);
    await choose(() => box("wfp8_afp8").uncheck());
    await choose(() => box("wfp4_afp16").uncheck());
    expect(await page.getByRole("button", { name: "Copy the plan" }).isDisabled()).toBe(true);
    expect(await page.locator("#scheme-says").textContent()).toBe(
      "Nothing is quantized in this plan.",
    );
  });

  it.runIf(WIDE)("lets one pair be chosen at a time where scores do not add up", async () => {
    await page.close();
    page = await open("apart");
    await choose(() => box("other").check());
    expect(await page.locator("input[name=pair]:checked").count()).toBe(1);
    expect(await page.locator("#choice-words").textContent()).toMatch(
      /^Each layer may have other, or 16 bits. Scores of these pairs are not known/,
    );
  });

  it("says of every pair what serves it, and of one that is not there why", async () => {
    const plain = await open("three", { javaScriptEnabled: false });
    const rows = await plain.locator("#pairs tbody tr").allInnerTexts();
    expect(rows).toHaveLength(4);
    expect(rows[0]).toContain("vLLM, compute capability 8.0 or higher");
    expect(rows[2]).toMatch(/analysis only[^]*W8A8_SQ_PER_CHANNEL[^]*yes$/);
    expect(rows[3]).toMatch(/^wmxfp4_afp16[^]*no: MXFP4 needs a CUDA device$/);
    expect(await plain.locator("#candidates").isVisible()).toBe(false);
    expect(await plain.locator("#choice-words").textContent()).toBe(
      "Each layer may have wfp8_afp8, wfp4_afp16, or 16 bits.",
    );
    await plain.close();
  });

  it.runIf(WIDE)(
    "names the layer behind a cell of the heatmap, to the pointer and to the arrow keys",
    async () => {
      await page.close();
      page = await open("both");
      const readout = page.locator("#heat-readout");
      await page.locator("#heat figure").focus();
      expect(await readout.textContent()).toMatch(
        /^visual\.blocks\.0\.attn\.qkv, wfp8_afp8: [\d.]+e-\d+$/,
      );
      await page.keyboard.press("ArrowRight");
      await page.keyboard.press("ArrowDown");
      expect(await readout.textContent()).toMatch(/^visual\.blocks\.1\.attn\.qkv, wint4_aint8: /);
      await page.locator("#heatmap").hover({ position: { x: 130, y: 52 } });
      expect(await readout.textContent()).toMatch(/^visual\.blocks\.\d\.attn\.qkv, wfp8_afp8: /);
    },
  );

  it("is light or dark as the system is, until somebody chooses", async () => {
    const ground = () => page.evaluate("getComputedStyle(document.body).backgroundColor");
    const light = await ground();
    await page.emulateMedia({ colorScheme: "dark" });
    const dark = await ground();
    expect(dark).not.toBe(light);
    await page.getByLabel("light", { exact: true }).check();
    expect(await ground()).toBe(light);
    await page.emulateMedia({ colorScheme: "light" });
    await page.getByLabel("dark", { exact: true }).check();
    expect(await ground()).toBe(dark);
  });

  it("is complete without its script, and does not show what would not work", async () => {
    const plain = await open("one", { javaScriptEnabled: false });
    expect(await plain.locator("#layers tbody tr").count()).toBe(276);
    expect(await plain.locator("#plan-bits").textContent()).toBe(
      solvedPlan(analyses[0].manifest.budgetBits).bits,
    );
    expect(await plain.locator("#gates .passed").count()).toBeGreaterThan(2);
    for (const hidden of ["#budget-range", "#filter", "input[name=theme]"]) {
      expect(await plain.locator(hidden).first().isVisible()).toBe(false);
    }
    await plain.close();
  });

  it("fits a narrow screen: only what is wide by nature scrolls sideways", async () => {
    const narrow = await open("three", { viewport: { width: 390, height: 800 } });
    expect(await narrow.evaluate("document.documentElement.scrollWidth")).toBe(390);
    await narrow.close();
  });

  it.each(["both", "three", "formats"] as const)(
    "can be read at 480 pixels: tables scroll in their own box and keep their first column: %s",
    async (which) => {
      const narrow = await open(which, { viewport: { width: 480, height: 800 } });
      expect(await narrow.evaluate(CRAMPED)).toEqual([]);
      await narrow.close();
    },
  );

  it.each(["small", "smallOne", "threeKinds", "both", "three"] as const)(
    "draws nothing outside of a drawing: %s",
    async (which) => {
      const drawn = await open(which);
      expect(await drawn.evaluate(OUTSIDE)).toEqual([]);
      await drawn.close();
    },
  );

  it.each(["light", "dark"] as const)("can be read by weak eyes: %s", async (colorScheme) => {
    const seen = await open("three", { colorScheme });
    expect(await seen.evaluate(FAINT)).toEqual([]);
    await seen.close();
  });

  it.runIf(WIDE)("says which pair is in front, also on paper", async () => {
    const names = (picture: string): Promise<string | null> =>
      page.locator(`#${picture} .front`).textContent();
    await page.close();
    page = await open("both");
    expect([await names("depth"), await names("frontier")]).toEqual(["wfp8_afp8", "all pairs"]);
    await page.locator("#depth-column").selectOption("wint4_aint8");
    expect(await names("depth")).toBe("wint4_aint8");
    await choose(() => box("wint4_aint8").uncheck());
    expect(await names("frontier")).toBe("wfp8_afp8");
    expect(await page.locator("#choice-words").textContent()).toBe(
      "Each layer may have wfp8_afp8, or 16 bits.",
    );
    await page.emulateMedia({ media: "print" });
    expect(await page.locator("#depth-column").isVisible()).toBe(false);
    expect(await page.locator("#depth .front").isVisible()).toBe(true);
    // What is sticky or a button is not repeated on the next page.
    const styleOf = (selector: string, property: string): Promise<unknown> =>
      page.evaluate(`getComputedStyle(document.querySelector("${selector}")).${property}`);
    expect(await styleOf("#layers thead th", "position")).toBe("static");
    expect(await styleOf("#layers thead th button", "display")).toBe("contents");
    await page.emulateMedia({ media: null });
  });

  it.runIf(WIDE)("can be reached with the tab key alone, in the order of the page", async () => {
    const keyed = await open("both");
    const reached: string[] = [];
    for (let presses = 0; presses < 24; presses += 1) {
      await keyed.keyboard.press("Tab");
      reached.push(
        String(
          await keyed.evaluate(
            "document.activeElement.id || document.activeElement.name || document.activeElement.textContent.trim().slice(0, 12)",
          ),
        ),
      );
    }
    const wanted = [
      "To the table",
      "Budget",
      "budget-range",
      "budget-reset",
      "pair",
      "depth-column",
      "filter",
    ];
    expect(wanted.map((name) => reached.findIndex((one) => one.startsWith(name)))).toEqual(
      wanted
        .map((name) => reached.findIndex((one) => one.startsWith(name)))
        .toSorted((a, b) => a - b),
    );
    expect(reached).toEqual(expect.arrayContaining(["budget-range", "pair", "depth-column"]));
    await keyed.close();
  });
});
