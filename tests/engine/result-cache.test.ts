import * as fs from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { FolderServer } from "../../src/host/cache/folder-server.ts";
import { HttpServer } from "../../src/host/cache/http-server.ts";
import { LocalCache } from "../../src/host/cache/local-cache.ts";
import type { Patience } from "../../src/host/cache/patience.ts";
import { RemoteCache } from "../../src/host/cache/remote-cache.ts";
import type { Server as CacheServer } from "../../src/host/cache/server.ts";
import { History } from "../../src/host/records/history.ts";
import { Store } from "../../src/host/store/store.ts";
import { digestOfBytes } from "../../src/model/digest.ts";
import { holdAgainstModel } from "./support/cache-model.ts";
import { Folder } from "./support/folder.ts";
import { hex, madeResult, outputAt } from "./support/shared-results.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

/** A web server in this process; returns its address. */
async function serve(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Serves files of a folder as a cache does. */
const serveFolder = (folder: string): Promise<string> =>
  serve((request, response) => {
    const path = join(folder, request.url ?? "");
    if (request.method === "PUT") {
      const parts: Buffer[] = [];
      request.on("data", (part: Buffer) => parts.push(part));
      request.on("end", () => {
        fs.mkdirSync(join(path, ".."), { recursive: true });
        fs.writeFileSync(path, Buffer.concat(parts));
        response.writeHead(201).end();
      });
      return;
    }
    if (!fs.existsSync(path)) response.writeHead(404).end();
    else {
      const bytes = fs.readFileSync(path);
      response.writeHead(200, { "content-length": bytes.length });
      response.end(request.method === "HEAD" ? undefined : bytes);
    }
  });

interface Opened {
  readonly cache: RemoteCache;
  readonly said: string[];
}

function remote(
  server: CacheServer,
  folder: Folder,
  options: { patience?: Patience; writes?: boolean } = {},
): Opened {
  const said: string[] = [];
  const tell = (message: string): void => void said.push(message);
  const arriving = folder.at("arriving");
  return { said, cache: new RemoteCache(server, { arriving, writes: true, tell, ...options }) };
}

const http = (url: string): HttpServer => new HttpServer(new URL(url), null);

/** Changes the file at a path, which may be read-only. */
function damageFile(path: string, how: "lost" | "cut" | "other"): void {
  if (!fs.existsSync(path)) return;
  const bytes = fs.readFileSync(path);
  fs.rmSync(path);
  if (how === "cut") fs.writeFileSync(path, bytes.subarray(0, bytes.length >> 1));
  if (how === "other") fs.writeFileSync(path, Buffer.alloc(bytes.length, "x"));
}

describe("a cache gives what was put and nothing else, whatever happens to its files", () => {
  it("as the store", () =>
    holdAgainstModel(
      (folder) => ({
        open: () => new LocalCache(new Store(folder.at("store")), new History(folder.at("past"))),
        damage: (digest, how) => {
          const name = hex(digest);
          damageFile(folder.at(`store/${name.slice(0, 2)}/${name.slice(2)}`), how);
        },
      }),
      20,
    ));

  it("as a shared folder", () =>
    holdAgainstModel((folder) => {
      fs.mkdirSync(folder.at("shared"));
      return {
        open: () => remote(new FolderServer(folder.at("shared")), folder).cache,
        damage: (digest, how) => damageFile(folder.at(`shared/cas/${hex(digest)}`), how),
      };
    }, 20));

  it("as a web server", async () => {
    const served = new Folder();
    const url = await serveFolder(served.path);
    let round = 0;
    await holdAgainstModel((folder) => {
      const base = `round-${++round}`;
      fs.mkdirSync(served.at(base));
      return {
        open: () => remote(http(`${url}/${base}`), folder).cache,
        damage: (digest, how) => damageFile(served.at(`${base}/cas/${hex(digest)}`), how),
      };
    }, 15);
  });
});

describe("a shared folder", () => {
  const made = (folder: Folder) => madeResult(folder, "r", { out: "some text\n" });

  it.each([
    ["is not there", (path: string) => fs.rmdirSync(path), /there is no such folder/],
    ["may be written by everybody", (path: string) => fs.chmodSync(path, 0o777), /chmod o-w/],
  ])("that %s is left out, and that is said once", async (_, change, said) => {
    const folder = new Folder({ "shared/x": "" });
    folder.remove("shared/x");
    change(folder.at("shared"));
    const opened = remote(new FolderServer(folder.at("shared")), folder);
    const { record, contents } = made(folder);
    expect((await opened.cache.results([record])).size).toBe(0);
    expect(await opened.cache.put(record, contents)).toBe(false);
    expect(opened.said).toEqual([expect.stringMatching(said)]);
  });

  it("that goes away while results come from it is left out, and that is said once", async () => {
    const folder = new Folder({ "shared/x": "" });
    const opened = remote(new FolderServer(folder.at("shared")), folder);
    const { record, contents } = made(folder);
    expect(await opened.cache.put(record, contents)).toBe(true);
    fs.renameSync(folder.at("shared"), folder.at("away"));
    const digest = record.outputs["out"]?.digest ?? record.key;
    expect(await opened.cache.get(digest, "file", folder.at("one"))).toBe("absent");
    expect(await opened.cache.get(digest, "file", folder.at("two"))).toBe("absent");
    expect(opened.said).toEqual([expect.stringMatching(/left out .*there is no such folder/)]);
  });

  it("gives files the readers that the folder has, under any mask", async () => {
    const folder = new Folder({ "shared/x": "" });
    fs.chmodSync(folder.at("shared"), 0o2775);
    const mask = process.umask(0o077);
    try {
      const { record, contents } = made(folder);
      await remote(new FolderServer(folder.at("shared")), folder).cache.put(record, contents);
    } finally {
      process.umask(mask);
    }
    const mode = (path: string): string => (fs.statSync(folder.at(path)).mode & 0o777).toString(8);
    expect(mode("shared/cas")).toBe("775");
    expect(mode(`shared/cas/${hex(digestOfBytes("some text\n"))}`)).toBe("444");
  });

  it.each([
    ["a link to another file", (path: string) => fs.symlinkSync("/etc/hostname", path)],
    ["a folder", (path: string) => fs.mkdirSync(path)],
  ])("does not follow %s in the place of a content", async (_, place) => {
    const folder = new Folder({ "shared/x": "" });
    const { record, contents } = made(folder);
    const server = new FolderServer(folder.at("shared"));
    await remote(server, folder).cache.put(record, contents);
    const content = folder.at(`shared/cas/${hex(digestOfBytes("some text\n"))}`);
    fs.rmSync(content);
    place(content);
    const { cache } = remote(server, folder);
    await cache.results([record]);
    const taken = await cache.get(digestOfBytes("some text\n"), "file", folder.at("got"));
    expect([taken === "taken", (await cache.has([digestOfBytes("some text\n")])).size]).toEqual([
      false,
      0,
    ]);
  });

  it("puts what is damaged aside, where it may be written, and takes the right bytes again", async () => {
    const folder = new Folder({ "shared/x": "" });
    const { record, contents } = made(folder);
    const digest = digestOfBytes("some text\n");
    const open = (writes: boolean): Opened =>
      remote(new FolderServer(folder.at("shared")), folder, { writes });
    await open(true).cache.put(record, contents);
    damageFile(folder.at(`shared/cas/${hex(digest)}`), "other");
    const reader = open(false);
    expect(await reader.cache.get(digest, "file", folder.at("a"))).toBe("damaged");
    expect(folder.exists("shared/quarantine")).toBe(false);
    const writer = open(true);
    expect(await writer.cache.get(digest, "file", folder.at("b"))).toBe("damaged");
    expect(writer.said).toEqual([
      `the shared cache ${folder.at("shared")} has a damaged cas/${hex(digest)}, which is not used: its content is not what its digest says`,
    ]);
    expect(folder.exists(`shared/quarantine/cas-${hex(digest)}`)).toBe(true);
    expect(await writer.cache.put(record, contents)).toBe(true);
    expect(await open(false).cache.get(digest, "file", folder.at("c"))).toBe("taken");
  });
});

/** Short, and no test waits for it to pass: each ends because it has passed. */
const IMPATIENT: Patience = { answer: 100, question: 400, part: 0, slowest: 1e9, troubles: 3 };

describe("a server that is no help", () => {
  const asked = [1, 2, 3, 4, 5, 6].map((number) => ({ key: digestOfBytes(`key ${number}`) }));

  it.each<[string, (request: IncomingMessage, response: ServerResponse) => void]>([
    ["never answers", () => undefined],
    ["answers 503", (_, response) => void response.writeHead(503).end()],
    ["hangs up", (request) => void request.socket.destroy()],
    [
      "sends a byte and then nothing",
      (_, response) => void response.writeHead(200, { "content-length": 10 }).write("x"),
    ],
    ["answers 401", (_, response) => void response.writeHead(401).end()],
    [
      "leads in a circle",
      (request, response) => {
        response.writeHead(302, { location: request.url ?? "/" }).end();
      },
    ],
  ])("that %s has nothing, is left out and said once", async (_, answer) => {
    const folder = new Folder();
    const opened = remote(http(await serve(answer)), folder, { patience: IMPATIENT });
    expect((await opened.cache.results(asked)).size).toBe(0);
    expect(opened.cache.leftOut).not.toBe(null);
    expect((await opened.cache.has([digestOfBytes("x")])).size).toBe(0);
    expect(opened.said).toHaveLength(1);
    expect(opened.said[0]).toContain("is left out from now on");
  });

  it("that falls silent in the middle of a content is not waited for as long as its bytes might take", async () => {
    const url = await serve((_, response) => {
      response.writeHead(200, { "content-length": 1000 }).write("x");
    });
    const slow: Patience = { ...IMPATIENT, slowest: 64 * 1024, troubles: 1 };
    const folder = new Folder();
    const opened = remote(http(url), folder, { patience: slow });
    expect(await opened.cache.get(digestOfBytes("x"), "file", folder.at("got"))).toBe("absent");
    expect(opened.said).toEqual([expect.stringContaining("no answer within 1 s")]);
  });

  it("that was stopped says nothing more", async () => {
    const opened = remote(http(await serve(() => undefined)), new Folder());
    const answer = opened.cache.results(asked);
    opened.cache.stop();
    expect((await answer).size).toBe(0);
    expect(opened.said).toEqual([]);
  });

  it("that may only be read is read, and says once why it gets nothing", async () => {
    const folder = new Folder();
    const { record, contents } = madeResult(folder, "r", { out: "text" });
    const url = await serve((request, response) => {
      response.writeHead(request.method === "PUT" ? 403 : 404).end();
    });
    const opened = remote(http(url), folder);
    expect(await opened.cache.put(record, contents)).toBe(false);
    expect(opened.cache.leftOut).toBe(null);
    expect(opened.said).toEqual([
      `the shared cache ${url} gets nothing from this build: it may not be written (403): no login is known for it`,
    ]);
  });

  it("gets the login; another origin to which it leads does not", async () => {
    const seen: string[] = [];
    const note = (name: string, { headers }: IncomingMessage): void =>
      void seen.push(`${name} ${headers.authorization ?? "nobody"}`);
    const other = await serve((request, response) => {
      note("other", request);
      response.writeHead(404).end();
    });
    const url = await serve((request, response) => {
      note("first", request);
      const elsewhere = request.url?.startsWith("/ac/") === true;
      response.writeHead(302, { location: elsewhere ? `${other}/x` : "/ac" }).end();
    });
    const login = { origin: url, authorization: "Basic c2VjcmV0", source: "a test" };
    const { cache } = remote(new HttpServer(new URL(url), login), new Folder());
    await cache.results([{ key: digestOfBytes("key") }]);
    expect(seen).toEqual(["first Basic c2VjcmV0", "other nobody"]);
  });
});

describe("a small file", () => {
  it("that changed since makes no result", async () => {
    const folder = new Folder({ "shared/x": "" });
    const { record, contents } = madeResult(folder, "r", { out: "text" });
    fs.writeFileSync(contents[0]?.files[0]?.source ?? "", "TEXT");
    const { cache } = remote(new FolderServer(folder.at("shared")), folder);
    expect(await cache.put(record, contents)).toBe(false);
    expect(outputAt(folder.at("shared/cas"))).toBe(null);
  });
});
