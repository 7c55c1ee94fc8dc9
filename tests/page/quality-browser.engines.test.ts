import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { qualityPage } from "../../src/analysis/quality-page/quality-page.ts";
import { madeUpFrontier } from "../analysis/measured-frontier-material.ts";
import { browserOrWhyNot, openWatched, type openPage } from "../rig/browser.ts";
import { COVERED, CRAMPED, FAINT, OUTSIDE } from "./looks.ts";

const found = await browserOrWhyNot();
const title = "browser" in found ? "in a browser" : `in a browser (${found.because})`;

const frontier = madeUpFrontier();
/** Twenty budgets, curves on top of each other, random weights: as crowded as a page gets. */
const crowded = madeUpFrontier({
  weights: "random",
  budgets: Array.from({ length: 20 }, (_, n) => 3.25 + n / 4),
  samples: 20,
  multiples: { random: 1.05, inverted: 1.02, heuristic: 1, weight_error: 0.98 },
});

describe.skipIf(!("browser" in found))(title, () => {
  if (!("browser" in found)) return;
  const { browser } = found;
  const texts = {
    usual: qualityPage(frontier, []).page,
    crowded: qualityPage(crowded, []).page,
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

  const names = (): Promise<string[]> =>
    page.locator("#plans tbody tr:visible th").allTextContents();
  const heading = (key: string) => page.locator(`#plans th[data-key=${key}]`);
  const byKl = frontier.plans.toSorted((a, b) => a.kl.value - b.kl.value).map(({ name }) => name);

  it("sorts by all digits of a figure, to a click and to the keyboard", async () => {
    await heading("kl").getByRole("button").click();
    expect(await heading("kl").getAttribute("aria-sort")).toBe("ascending");
    const plans = (await names()).filter((name) => !name.endsWith("_CFG"));
    expect(plans).toEqual(byKl);
    await heading("kl").getByRole("button").focus();
    await page.keyboard.press("Enter");
    expect(await heading("kl").getAttribute("aria-sort")).toBe("descending");
    expect((await names()).filter((name) => !name.endsWith("_CFG"))).toEqual(byKl.toReversed());
  });

  it("filters by kind and by words", async () => {
    const count = page.locator("#plan-count");
    await page.locator("#plan-kind").selectOption("solver");
    expect((await names()).toSorted()).toEqual(
      frontier.verdicts.map(({ plan }) => plan).toSorted(),
    );
    expect(await count.textContent()).toBe("9 of 113 plans");
    await page.locator("#plan-kind").selectOption("");
    await page.locator("#plan-filter").fill("4.00 random");
    expect(await names()).toHaveLength(8);
    await page.locator("#plan-filter").fill("");
    expect(await names()).toHaveLength(113);
  });

  it("is complete without its script, and does not show what would not work", async () => {
    const plain = await open("usual", { javaScriptEnabled: false });
    expect(await plain.locator("#plans tbody tr").count()).toBe(113);
    expect(await plain.locator("#answer li").first().isVisible()).toBe(true);
    for (const hidden of ["#plan-filter", "#plan-kind", "input[name=theme]"]) {
      expect(await plain.locator(hidden).first().isVisible()).toBe(false);
    }
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
    const narrow = await open("crowded", { viewport: { width: 400, height: 800 } });
    expect(await narrow.evaluate("document.documentElement.scrollWidth")).toBe(400);
    expect(await narrow.locator(".notice").isVisible()).toBe(true);
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
