import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isMeasured } from "../../src/analysis/schemes-overview/overview.ts";
import { schemesPage } from "../../src/analysis/schemes-page/page.ts";
import { fp8Problem, madeScheme } from "../analysis/scheme-material.ts";
import {
  evaluated,
  goalMet,
  goalUnmet,
  madeOverview,
  shownOf,
} from "../analysis/schemes-overview-material.ts";
import { browserOrWhyNot, openWatched, type openPage } from "../rig/browser.ts";
import { COVERED, CRAMPED, FAINT, OUTSIDE } from "./looks.ts";

const found = await browserOrWhyNot();
const title = "browser" in found ? "in a browser" : `in a browser (${found.because})`;

/** Long names at few sizes, on random weights: as crowded as a picture gets. */
const crowded = {
  ...madeOverview,
  schemes: [
    goalMet(),
    goalUnmet(),
    evaluated(),
    ...Array.from({ length: fp8Problem.groups.length }, (_, n) =>
      shownOf(madeScheme(`fp8_autoquant_all_layers_top${10 * (n + 1)}`, n + 1, "random")),
    ),
  ],
};

describe.skipIf(!("browser" in found))(title, () => {
  if (!("browser" in found)) return;
  const { browser } = found;
  const texts = {
    usual: schemesPage(madeOverview, []).page,
    crowded: schemesPage(crowded, []).page,
  };
  const said: string[] = [];
  let page: Page;

  const open = (
    which: keyof typeof texts,
    options: Parameters<typeof openPage>[1] = {},
  ): Promise<Page> =>
    openWatched(browser, texts[which], {
      viewport: { width: 1100, height: 900 },
      ...options,
      said,
    });

  beforeAll(async () => {
    page = await open("usual");
  });
  afterAll(async () => {
    await browser.close();
    expect(said, "requests, console messages and errors of all pages").toEqual([]);
  });

  const rows = (): Promise<string[]> =>
    page.locator("#matrix tbody tr:visible th").allTextContents();

  it("shows layers that schemes decide otherwise, and two schemes beside each other", async () => {
    const count = page.locator("#matrix-count");
    expect(await rows()).toHaveLength(fp8Problem.groups.length);
    await page.locator("#matrix-differing").check();
    // The schemes quantize 3, 6, 8 and all groups, each those of the one before.
    expect(await rows()).toHaveLength(fp8Problem.groups.length - 3);
    await page.locator("#matrix-a").selectOption({ label: "top25" });
    await page.locator("#matrix-b").selectOption({ label: "top50" });
    expect(await rows()).toHaveLength(3);
    expect(await page.locator("#matrix thead th:visible").allTextContents()).toEqual([
      "Layer group",
      "top25",
      "top50",
    ]);
    expect(await count.textContent()).toBe(
      `3 of ${fp8Problem.groups.length} layer groups are decided otherwise by these two`,
    );
    await page.locator("#matrix-a").selectOption("");
    await page.locator("#matrix-differing").uncheck();
    expect(await rows()).toHaveLength(fp8Problem.groups.length);
  });

  it("sorts schemes by all digits of a figure, and filters them", async () => {
    await page.locator("#plans th[data-key=kl]").getByRole("button").click();
    const cells = page.locator("#plans tbody tr[data-kind=scheme] th");
    // What was asked for stands below the name.
    const names = (await cells.allTextContents()).map((text) => /^top\d\d|^full/.exec(text)?.[0]);
    const byKl = madeOverview.schemes
      .filter(isMeasured)
      .toSorted((a, b) => a.quality.figures.kl.value - b.quality.figures.kl.value)
      .map(({ name }) => name);
    expect(names.slice(0, 3)).toEqual(byKl);
    await page.locator("#plan-kind").selectOption("scheme");
    expect(await page.locator("#plan-count").textContent()).toBe("6 of 8 rows");
    await page.locator("#plan-kind").selectOption("");
  });

  it("is complete without its script, and does not show what would not work", async () => {
    const plain = await open("usual", { javaScriptEnabled: false });
    expect(await plain.locator("#plans tbody tr").count()).toBe(8);
    expect(await plain.locator("#matrix tbody tr").count()).toBe(fp8Problem.groups.length);
    for (const hidden of ["#plan-filter", "#matrix-a", "input[name=theme]"])
      expect(await plain.locator(hidden).first().isVisible()).toBe(false);
    await plain.close();
  });

  it.each(["usual", "crowded"] as const)(
    "can be read at 480 pixels: tables scroll in their own box and keep their first column: %s",
    async (which) => {
      const narrow = await open(which, { viewport: { width: 480, height: 800 } });
      expect(await narrow.evaluate(CRAMPED)).toEqual([]);
      await narrow.close();
    },
  );

  it("fits a narrow screen: only what is wide by nature scrolls sideways", async () => {
    const narrow = await open("crowded", { viewport: { width: 480, height: 800 } });
    expect(await narrow.evaluate("document.documentElement.scrollWidth")).toBe(480);
    await narrow.close();
  });

  it.each([
    ["usual", "light"],
    ["crowded", "dark"],
  ] as const)("is readable: %s, %s", async (which, colorScheme) => {
    const seen = await open(which, { colorScheme });
    expect(await seen.evaluate(OUTSIDE)).toEqual([]);
    expect(await seen.evaluate(COVERED)).toEqual([]);
    expect(await seen.evaluate(FAINT)).toEqual([]);
    await seen.close();
  });
});
