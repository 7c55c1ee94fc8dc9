// Makes the screenshots in docs/pictures/: of a page of 276 layers and 16 pairs with made-up scores, and of a page of
// made-up measured quality.
// node scripts/page-pictures.mjs [PAGE.html OUT.png [dark][narrow]]: of another page, whole, to look at it.
import { build } from "esbuild";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parse } from "yaml";

const root = fileURLToPath(new URL("..", import.meta.url));
const out = join(root, ".aqm/page-pictures");
mkdirSync(out, { recursive: true });

/** A TypeScript module of this repository; texts are bundled as aqm does it. */
async function load(path, plugins = []) {
  const outfile = join(out, `${path.replaceAll("/", "-")}.mjs`);
  await build({
    entryPoints: [join(root, path)],
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
    external: ["esbuild", "playwright-core", "vitest"],
    logLevel: "warning",
    plugins,
  });
  return import(pathToFileURL(outfile).href);
}

const { textImports } = await load("src/host/code/text-imports.ts");
const reader = { read: readFileSync, noteResolution() {}, noteInside() {} };
const texts = [textImports(reader, [])];
const { launchBrowser } = await load("tests/rig/launch-browser.ts");
const browser = await launchBrowser(join(root, ".aqm/test-browser"));

const [given, to, look] = process.argv.slice(2);
if (given !== undefined)
  await shoot(
    resolve(given),
    { path: resolve(to ?? "page.png"), fullPage: true },
    {
      colorScheme: look?.includes("dark") ? "dark" : "light",
      width: look?.includes("narrow") ? 390 : 1280,
    },
  );
else {
  const page = await madeUpPage();
  const pictures = join(root, "docs/pictures");
  await shoot(page, { path: join(pictures, "page-budget.png") }, { height: 830 });
  await shoot(
    page,
    { path: join(pictures, "page-heatmap-dark.png") },
    { at: "#heat", height: 620, colorScheme: "dark" },
  );
  await shoot(page, { path: join(pictures, "page-layers.png") }, { at: "#table", height: 430 });
  await shoot(
    await madeUpQuality(),
    { path: join(pictures, "page-quality.png") },
    { height: 1310 },
  );
}
await browser.close();

async function madeUpPage() {
  const { manyPairs } = await load("tests/page/many-pairs.ts", texts);
  const { analysisPage } = await load("src/analysis/page/index.ts", texts);
  const subject = {
    title: "A model of 276 layers",
    subtitle: "made-up scores, 16 pairs, vision and language, medium",
    sources: [],
    links: [],
    skipped: ["afp16", "afp8", "aint4", "aint8"].map((activation) => ({
      name: `wmxfp4_${activation}`,
      quantizers: quantizers(`wmxfp4_${activation}`),
      because: "it was not measured for this picture",
    })),
  };
  const keep = (name) => name.includes("merger") || name === "lm_head";
  const made = analysisPage(subject, manyPairs({ keep, quantizers }));
  if (!made.ok) throw new Error(made.failure.message);
  return written("page.html", made.value.page);
}

async function madeUpQuality() {
  const { madeUpFrontier } = await load("tests/analysis/measured-frontier-material.ts");
  const { qualityPage } = await load("src/analysis/quality-page/index.ts", texts);
  return written("quality.html", qualityPage(madeUpFrontier(), []).page);
}

function written(name, text) {
  const path = join(out, name);
  writeFileSync(path, text);
  return path;
}

function quantizers(pair) {
  return parse(readFileSync(join(root, "conf/quant_pair", `${pair}.yaml`), "utf8")).quantizers;
}

async function shoot(
  path,
  screenshot,
  { at, height = 900, width = 1280, colorScheme = "light" } = {},
) {
  const page = await browser.newPage({ colorScheme, viewport: { width, height } });
  await page.goto(pathToFileURL(path).href);
  // The heading of a section ends up just below the sticky row of links.
  if (at !== undefined) {
    await page.evaluate((id) => document.querySelector(id).scrollIntoView(), at);
  }
  await page.screenshot(screenshot);
  await page.close();
}
