import { pathToFileURL } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PictureNode } from "../../src/plan/picture.ts";
import { pageParts } from "../../src/cli/views/page-parts.ts";
import { graphPage } from "../../src/ui/graph-page.ts";
import { openPage, testBrowser } from "../rig/browser.ts";
import { REPOSITORY, type TestWorkspace } from "../rig/workspace.ts";
import { textWorkspace } from "./text-workspace.ts";
import { WIDE } from "../rig/wide.ts";

describe("aqm graph and aqm query", () => {
  let workspace: TestWorkspace;
  const lines = async (...args: string[]): Promise<string[]> => {
    const { stdout, stderr } = await workspace.aqm(args);
    return (stdout + stderr).trimEnd().split("\n");
  };
  beforeAll(async () => {
    workspace = textWorkspace();
    await workspace.build();
    workspace.write("poems/one.txt", "roses are redder\n");
  });
  afterAll(() => workspace.remove());

  it("answers what is made from what, by target, source and op source", async () => {
    const all = ["big/one.txt", "big/two.txt", "out/joined.txt", "out/length.txt"];
    expect(await lines("query", "deps", "out/length.txt")).toEqual(all.slice(0, 3));
    expect(await lines("query", "deps", "--direct", "out/length.txt")).toEqual(["out/joined.txt"]);
    expect(await lines("query", "rdeps", "poems/two.txt")).toEqual(all.slice(1));
    expect(await lines("query", "rdeps", "--direct", "poems/two.txt")).toEqual(["big/two.txt"]);
    expect(await lines("query", "rdeps", "rules/ops/sign.ts")).toEqual(all);
    expect(await lines("query", "rdeps", "out/joined.txt")).toEqual(["out/length.txt"]);
    expect(await lines("query", "kind", "shout")).toEqual(all.slice(0, 2));
    expect(await lines("query", "paths", "poems/one.txt", "out/length.txt")).toEqual([
      "big/one.txt → out/joined.txt → out/length.txt",
    ]);
    expect(await lines("query", "paths", "out/length.txt", "big/one.txt")).toEqual([
      "no way leads there",
    ]);
    const some = await workspace.aqm(["query", "rdeps", "rules/ops/sign.ts", "--limit", "2"]);
    expect(some).toMatchObject({ stdout: "big/one.txt\nbig/two.txt\n", stderr: "… and 2 more\n" });
    expect(await lines("query", "stale")).toEqual([
      "run      big/one.txt",
      "unknown  out/joined.txt",
      "unknown  out/length.txt",
    ]);
    const { stdout } = await workspace.aqm(["query", "stale", "--json", "big"]);
    expect(JSON.parse(stdout)).toMatchObject([
      { target: "big/one.txt", verdict: "run", lane: "cpu" },
    ]);
  });

  it("refuses what it does not know, with the nearest right word", async () => {
    for (const [args, text] of [
      [["query"], "needs a question"],
      [["query", "dep"], "Did you mean deps?"],
      [["query", "paths", "a"], "aqm query paths FROM TO"],
      [["query", "deps", "out/lenght.txt"], "Did you mean out/length.txt?"],
      [["query", "kind", "shut"], "Did you mean shout?"],
      [["query", "kind", "shout", "--limit", "x"], "--limit"],
      [["graph", "--html", "x", "--json"], "exclude each other"],
    ] as const) {
      const { code, stderr } = await workspace.aqm([...args]);
      expect({ code, stderr }).toEqual({
        code: 2,
        stderr: expect.stringContaining(text) as unknown,
      });
    }
  });

  it("tells the states and causes of a dry run, and writes the same page twice", async () => {
    const { actions } = JSON.parse((await workspace.aqm(["build", "-n", "--json"])).stdout) as {
      actions: { target: string; verdict: string; causes: unknown }[];
    };
    const { targets } = JSON.parse((await workspace.aqm(["graph", "--json"])).stdout) as {
      targets: typeof actions;
    };
    const part = ({ target, verdict, causes }: (typeof actions)[number]): object => ({
      target,
      verdict,
      causes,
    });
    expect(targets.map(part)).toEqual(actions.map(part));
    expect((await workspace.aqm(["graph", "--html", "graph.html"])).code).toBe(0);
    const { stdout } = await workspace.aqm(["graph", "--html", "-"]);
    expect(stdout).toBe(workspace.read("graph.html"));
    expect(stdout).not.toContain(workspace.root);
  });
});

describe("the graph page in a browser", () => {
  let browser: Browser;
  let page: Page;
  const errors: string[] = [];
  beforeAll(async () => {
    browser = await testBrowser();
    page = await openPage(browser);
    page.on("pageerror", ({ message }) => errors.push(message));
    page.on("request", (request) => {
      if (!request.url().startsWith("file:")) errors.push(request.url());
    });
  });
  afterAll(() => browser.close());

  it("unfolds by itself where a search leaves but one way", async () => {
    const workspace = textWorkspace();
    const path = workspace.path("page.html");
    workspace.write("page.html", graphPage(large(4000), "Graph", pageParts("graph", REPOSITORY)));
    await page.goto(pathToFileURL(path).href);
    await page.locator("#search").fill("m7/report");
    const rows = page.locator("#tree .row");
    expect((await rows.allTextContents()).slice(0, 2)).toEqual([
      expect.stringContaining("models/m7"),
      expect.stringContaining("report 7.md"),
    ]);
    workspace.remove();
  });

  it("lists all targets without a script: by folder, with state, time and causes", async () => {
    const workspace = textWorkspace();
    workspace.write("page.html", graphPage(large(400), "Graph", pageParts("graph", REPOSITORY)));
    const plain = await openPage(browser, { javaScriptEnabled: false });
    await plain.goto(pathToFileURL(workspace.path("page.html")).href);
    expect(await plain.locator("#list li").count()).toBe(400);
    const [folder = ""] = await plain.locator("#list details[open]").allInnerTexts();
    expect(folder).toMatch(/^models\/m0 \(40, 4 not fresh\)/);
    expect(folder).toContain("scores 0.json run · about 1 min 00 s · ★ critical path\nnever built");
    expect(await plain.locator("header").innerText()).toContain("400 actions, 4 not fresh");
    for (const hidden of ["#search", "#critical", "input[name=theme]"])
      expect(await plain.locator(hidden).first().isVisible()).toBe(false);
    await plain.close();
    workspace.remove();
  });

  it("has light and dark colours by choice, and those of the system until then", async () => {
    const workspace = textWorkspace();
    workspace.write("page.html", graphPage(large(40), "Graph", pageParts("graph", REPOSITORY)));
    const coloured = await openPage(browser, { colorScheme: "dark" });
    await coloured.goto(pathToFileURL(workspace.path("page.html")).href);
    const ground = () => coloured.evaluate("getComputedStyle(document.body).backgroundColor");
    const dark = await ground();
    await coloured.getByLabel("light", { exact: true }).check();
    expect(await ground()).not.toBe(dark);
    await coloured.getByLabel("dark", { exact: true }).check();
    expect(await ground()).toBe(dark);
    await coloured.getByLabel("as the system").check();
    expect(await ground()).toBe(dark);
    await coloured.close();
    workspace.remove();
  });

  it("cuts no text, and says what was never timed", async () => {
    const workspace = textWorkspace();
    const { nodes } = large(8);
    const long = "an_op_with_a_name_of_so_many_words_that_no_box_was_wide_enough";
    const op = `rules/ops/${long}.ts`;
    const odd = nodes.map((node, at) => (at === 0 ? { ...node, op, seconds: null } : node));
    const picture = {
      nodes: odd,
      critical: { of: "due", nodes: [0], seconds: 0, untimed: 1 },
    } as const;
    workspace.write("page.html", graphPage(picture, "Graph", pageParts("graph", REPOSITORY)));
    for (const width of [480, 1280]) {
      const sized = await openPage(browser, { viewport: { width, height: 800 } });
      await sized.goto(pathToFileURL(workspace.path("page.html")).href);
      expect(await sized.evaluate("document.documentElement.scrollWidth")).toBe(width);
      expect(await sized.evaluate(OVERFLOWING)).toEqual([]);
      expect(await sized.locator("svg .name").allTextContents()).toContain(long);
      expect(await sized.locator("#critical").innerText()).toContain("never timed");
      await sized.close();
    }
    workspace.remove();
  });

  it.runIf(WIDE)(
    "folds 10,000 targets, by keyboard too, and leads from one to its neighbours",
    async () => {
      const workspace = textWorkspace();
      workspace.write(
        "page.html",
        graphPage(large(10_000), "Graph of many", pageParts("graph", REPOSITORY)),
      );
      await page.goto(pathToFileURL(workspace.path("page.html")).href);
      const rows = page.locator("#tree .row");
      await page.getByText("10000 actions, 100 not fresh").waitFor();
      expect(await rows.count()).toBeLessThan(20); // only what is unfolded is there

      await page.getByLabel("Fold by").selectOption("grid, model first");
      expect(await rows.count()).toBe(10);
      await page.keyboard.press("/");
      await page.keyboard.type("report 4321.md");
      await rows.filter({ hasText: "4321.md" }).click();
      const details = page.locator("#details");
      expect(await details.textContent()).toContain("Made from (1)");
      await details.getByText("scores 4321").click();
      await details.getByRole("heading", { name: "scores 4321" }).waitFor();
      expect(await page.locator("#search").inputValue()).toBe("");

      await page.getByLabel("Fold by").selectOption("cause");
      await page.locator("#tree").focus();
      for (const key of ["Home", "ArrowRight", "ArrowDown", "Enter"])
        await page.keyboard.press(key);
      expect(await details.textContent()).toContain("never built");
      expect(await rows.count()).toBe(2 + 100);

      await page.getByRole("button", { name: "9900 fresh" }).click();
      expect(await rows.count()).toBe(1 + 100);
      workspace.remove();
      expect(errors).toEqual([]);
    },
  );
});

/** Texts of boxes wider than their box, and texts of rows that are cut. */
const OVERFLOWING = `[
  ...[...document.querySelectorAll("svg .op")].flatMap((group) => {
    const box = group.querySelector(".box").getBBox();
    return [...group.querySelectorAll("text")].filter((text) => {
      const { x, width } = text.getBBox();
      return x + width > box.x + box.width - 4;
    });
  }),
  ...[...document.querySelectorAll(".row .label, .row .meta, h1, h3, li")].filter((one) => one.scrollWidth > one.clientWidth + 1),
].map((one) => one.textContent)`;

/** A grid of 10 × n / 20 cells with two actions each; every hundredth is to run. */
function large(count: number): Parameters<typeof graphPage>[0] {
  const nodes = Array.from({ length: count }, (_, at): PictureNode => {
    const cell = at >> 1;
    const [scores, run] = [at % 2 === 0, at % 100 === 0];
    const target = `models/m${cell % 10}/${scores ? `scores ${cell}.json` : `report ${cell}.md`}`;
    return {
      target,
      outputs: [target],
      op: scores ? "scores" : "rules/ops/report.ts",
      runtime: scores ? "python" : "typescript",
      gpu: scores,
      resources: { cpu: 1, gpu: scores ? 1 : 0 },
      verdict: run ? "run" : "fresh",
      causes: run ? [{ kind: "never_built" }] : [],
      seconds: scores ? 60 : 0.01,
      basis: "own",
      coordinates: { model: `m${cell % 10}`, cell: String(cell) },
      producers: scores ? [] : [at - 1],
      sources: scores ? ["data"] : [],
    };
  });
  return { nodes, critical: { of: "due", nodes: [0], seconds: 60, untimed: 0 } };
}
