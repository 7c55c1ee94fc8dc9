import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { Folder, REPOSITORY } from "../engine/support/folder.ts";
import { launchBrowser } from "./launch-browser.ts";

/** The browser that all tests use. */
export const testBrowser = (): Promise<Browser> =>
  launchBrowser(join(REPOSITORY, ".aqm/test-browser"));

/** A page that waits for what it is told to wait for as long as that takes: the machine may be busy. */
export async function openPage(
  browser: Browser,
  options: BrowserContextOptions = {},
): Promise<Page> {
  const page = await browser.newPage(options);
  page.setDefaultTimeout(0);
  return page;
}

/**
 * A page of this text that asks nothing of any other address: all that leaves it, and all that it complains of, is
 * added to `said`. With `queries` it may ask for itself with another query.
 */
export async function openWatched(
  browser: Browser,
  text: string,
  {
    said,
    queries = false,
    ...options
  }: BrowserContextOptions & { said: string[]; queries?: boolean },
): Promise<Page> {
  const path = new Folder().at("page.html");
  writeFileSync(path, text);
  const page = await openPage(browser, options);
  const address = pathToFileURL(path).href;
  page.on("request", (request) => {
    const asked = queries ? request.url().replace(/\?.*$/, "") : request.url();
    if (asked !== address) said.push(`request ${request.url()}`);
  });
  page.on("console", (message) => said.push(`console ${message.text()}`));
  page.on("pageerror", (error) => said.push(`error ${String(error)}`));
  await page.goto(address);
  return page;
}

/** What a test title says of it: nothing, or why browser tests are skipped. */
export async function browserOrWhyNot(): Promise<{ browser: Browser } | { because: string }> {
  try {
    return { browser: await testBrowser() };
  } catch (error) {
    const [first = ""] = String(error).split("\n");
    const because = `SKIPPED: no browser starts here; set AQM_TEST_BROWSER to a Chromium (${first})`;
    process.stderr.write(`\n*** ${because}\n`);
    return { because };
  }
}
