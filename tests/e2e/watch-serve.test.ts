import { request } from "node:http";
import { connect } from "node:net";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openPage, testBrowser } from "../rig/browser.ts";
import type { Running, TestWorkspace } from "../rig/workspace.ts";
import { pageWorkspace } from "./page-workspace.ts";

/** What a server answers to a request with these headers. */
const answer = (
  port: number,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  method = "GET",
): Promise<{ code: number; body: string }> =>
  new Promise((resolve, reject) => {
    const sent = request(
      { host: "127.0.0.1", port, path, headers, method, agent: false },
      (got) => {
        let body = "";
        got.setEncoding("utf8").on("data", (text: string) => (body += text));
        got.on("end", () => resolve({ code: got.statusCode ?? 0, body }));
      },
    );
    sent.on("error", reject).end();
  });

describe("aqm watch --serve", () => {
  let workspace: TestWorkspace;
  let running: Running;
  let browser: Browser;
  let page: Page;
  let port = 0;
  let url = "";
  /** A path of this server, behind the secret that only its printed address has. */
  const secret = (path: string): string => new URL(url).pathname.replace(/\/$/, "") + path;

  beforeAll(async () => {
    workspace = pageWorkspace();
    running = workspace.start(["watch", "--serve", "--reporter", "json"]);
    const event = await running.event(({ type }) => type === "serving");
    if (event.type !== "serving") throw new Error("no address");
    ({ port, url } = event);
    await running.event(({ type }) => type === "waiting");
    browser = await testBrowser();
    page = await openPage(browser);
  });
  afterAll(async () => {
    await browser.close();
    running.kill("SIGINT");
    expect((await running.finished).code).toBe(130); // although the browser listened until now
    workspace.remove();
  });

  const shown = (): ReturnType<Page["frameLocator"]> => page.frameLocator("#view");

  it("shows a page and loads it anew by itself, where one was reading", async () => {
    await page.goto(url);
    await shown().getByText("roses are red").waitFor();
    await page.evaluate("window.stayed = true");
    await page.frames()[1]?.evaluate("scrollTo(0, 700)");
    workspace.edit("rules/ops/page.ts", "<h1>", "<h1>Edited ");
    await shown().getByRole("heading", { name: "Edited" }).waitFor();
    await page.waitForFunction("document.querySelector('#view').contentWindow.scrollY === 700");
    workspace.write("poems/one.txt", "violets are blue\n");
    await shown().getByText("violets are blue").waitFor();
    expect(await page.evaluate("window.stayed")).toBe(true); // only the output was loaded anew
    expect(await page.locator("#status").textContent()).toMatch(/looking|up to date/);
  });

  it("shows what is wrong over the last good output, and takes it away when it is mended", async () => {
    const overlay = page.locator("#overlay");
    const op = workspace.read("rules/ops/page.ts");
    workspace.write("rules/ops/page.ts", `${op}\n)`);
    await overlay.waitFor({ state: "visible" });
    expect(await overlay.textContent()).toContain("rules/ops/page.ts");
    expect(await shown().locator("body").textContent()).toContain("violets are blue");

    workspace.write(
      "rules/ops/page.ts",
      op.replace("return ok(", 'throw new Error("bad ink"); return ok('),
    );
    await overlay.getByText("bad ink").waitFor();
    expect(workspace.read("out/one.html")).toContain("violets are blue");

    workspace.write("rules/ops/page.ts", op); // all is as it was: nothing has to be made
    await overlay.waitFor({ state: "hidden" });
    await page.getByText("up to date").waitFor();
  });

  it("lists the pages and shows the graph", async () => {
    expect(await page.locator("#pages a").allTextContents()).toEqual([
      "graph of the targets",
      "one.html",
      "two.html",
    ]);
    expect(await page.getByRole("link", { name: "two.html" }).getAttribute("title")).toBe(
      "out/two.html",
    );
    await page.getByRole("link", { name: "graph of the targets" }).click();
    await shown().getByText("3 actions, all fresh").waitFor();
  });

  it("answers only this machine's own names, only reads, only outputs", async () => {
    expect((await answer(port, secret("/files/out/one.html"))).body).toContain("violets");
    const host = `localhost:${port}`;
    expect((await answer(port, secret("/files/out/one.html"), { host })).code).toBe(200);
    for (const host of [
      "evil.example",
      `evil.example:${port}`,
      "127.0.0.1",
      `127.0.0.1.evil:${port}`,
    ]) {
      expect((await answer(port, secret("/"), { host })).code, host).toBe(403);
      expect((await answer(port, secret("/events"), { host })).code, host).toBe(403);
    }
    for (const origin of ["https://evil.example", `http://evil.example:${port}`, "null", ""])
      expect((await answer(port, secret("/events"), { origin })).code, origin).toBe(403);
    const origin = `http://127.0.0.1:${port}`;
    expect((await answer(port, secret("/files/out/one.html"), { origin })).code).toBe(200);
    expect((await answer(port, secret("/"), {}, "POST")).code).toBe(405);
    workspace.write("secret.html", "secret");
    for (const path of [
      "/files/secret.html",
      "/files/poems/one.txt",
      "/files/out/../secret.html",
      "/files/out/%2e%2e/secret.html",
      "/files/out%2f..%2fsecret.html",
      "/files//etc/passwd",
      "/files/out/one.html%00",
      "/files/",
      "/files/Aqmfile.ts",
      "/out/one.html",
      "/__proto__",
    ]) {
      expect((await answer(port, secret(path))).code, path).toBe(404);
    }
  });

  it("answers other users of this machine nothing, who do not know the printed address", async () => {
    const known = secret("");
    expect(known).toMatch(/^\/[\w-]{22}$/);
    for (const path of ["/", "/events", "/graph", "/files/out/one.html"]) {
      for (const guess of [
        "",
        `/${"A".repeat(22)}`,
        known.slice(0, -1),
        `${known}A`,
        `/${known}`,
      ]) {
        const { code, body } = await answer(port, guess + path);
        expect(code, guess + path).toBe(403);
        expect(body).not.toContain(known.slice(1));
        expect(body).not.toContain("violets");
      }
    }
    expect((await answer(port, known)).code).toBe(403); // the address ends with a slash
    expect((await answer(port, `${known}/files/%E0%A4%A`)).code).toBe(403); // no path at all
  });

  it("listens on the loopback address alone", async () => {
    const { networkInterfaces } = await import("node:os");
    const others = Object.values(networkInterfaces())
      .flatMap((list) => list ?? [])
      .filter(({ internal, family }) => !internal && family === "IPv4");
    for (const { address } of others) {
      const refused = await new Promise<boolean>((resolve) => {
        const socket = connect({ host: address, port }, () => resolve(false));
        socket.on("error", () => resolve(true));
      });
      expect(refused, address).toBe(true);
    }
  });
});
