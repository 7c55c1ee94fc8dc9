import { join } from "node:path";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { REPOSITORY } from "../engine/support/folder.ts";
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
