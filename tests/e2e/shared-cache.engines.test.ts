import * as fs from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FolderServer } from "../../src/host/cache/folder-server.ts";
import { HttpServer } from "../../src/host/cache/http-server.ts";
import { RemoteCache } from "../../src/host/cache/remote-cache.ts";
import type { Server as CacheServer } from "../../src/host/cache/server.ts";
import { digestOfBytes, type Digest } from "../../src/model/digest.ts";
import { holdAgainstModel } from "../engine/support/cache-model.ts";
import { Folder } from "../engine/support/folder.ts";
import { hex, madeResult } from "../engine/support/shared-results.ts";
import { hasNginx, LOGIN, Nginx, UNLESS_NGINX, type NginxOptions } from "../rig/nginx.ts";
import type { TestWorkspace } from "../rig/workspace.ts";
import { textWorkspace } from "./text-workspace.ts";

type Env = Readonly<Record<string, string>>;

let maker: TestWorkspace;
let clone: TestWorkspace;
beforeEach(() => {
  maker = textWorkspace();
  clone = textWorkspace();
});
afterEach(() => {
  maker.remove();
  clone.remove();
});

const TARGETS = ["big/one.txt", "big/two.txt", "out/joined.txt", "out/length.txt"];

/** What a build says beside its events' targets. */
const noticesOf = (build: Awaited<ReturnType<TestWorkspace["build"]>>): readonly string[] =>
  build.events.flatMap((event) => (event.type === "notice" ? [event.message] : []));

/** Targets that came from the shared cache. */
const sharedOf = (build: Awaited<ReturnType<TestWorkspace["build"]>>): readonly string[] =>
  build.events
    .flatMap((event) =>
      event.type === "action_settled" && event.from === "shared" ? [event.target] : [],
    )
    .sort();

const sameAsMade = (): void => {
  for (const path of TARGETS.slice(2)) expect(clone.read(path)).toBe(maker.read(path));
  for (const path of TARGETS)
    expect(clone.read(`aqm.lock/${path}.json`)).toBe(maker.read(`aqm.lock/${path}.json`));
};

const remote = (server: CacheServer, folder: Folder): RemoteCache =>
  new RemoteCache(server, { arriving: folder.at("arriving"), writes: true, tell: () => undefined });

describe("a file of several pieces", () => {
  const SIZE = 150 * 1024 * 1024;

  /** A sparse file with something of its own in each piece. */
  function largeResult(folder: Folder): ReturnType<typeof madeResult> & { digest: Digest } {
    const made = madeResult(folder, "large", { out: "" });
    const source = made.contents[0]?.files[0]?.source ?? "";
    fs.truncateSync(source, SIZE);
    const handle = fs.openSync(source, "r+");
    for (const [index, place] of [0, 70e6, 140e6].entries())
      fs.writeSync(handle, `piece ${index}`, place);
    fs.closeSync(handle);
    const digest = digestOfBytes(fs.readFileSync(source));
    const files = [{ path: "", digest, source }];
    const outputs = { out: { path: "out/large/out", digest, size: SIZE } };
    return {
      digest,
      record: { ...made.record, outputs },
      contents: [{ digest, kind: "file", files }],
    };
  }

  it("goes on with the piece at which it was cut off, and is held against its digest as a whole", async () => {
    const folder = new Folder({ "shared/x": "" });
    const large = largeResult(folder);
    expect(
      await remote(new FolderServer(folder.at("shared")), folder).put(large.record, large.contents),
    ).toBe(true);
    const pieces = fs.readdirSync(folder.at("shared/cas"));
    expect(pieces).toHaveLength(3);
    // The last piece is away: the first two come, and stay.
    const sizes = pieces.map((name) => fs.statSync(folder.at(`shared/cas/${name}`)).size);
    const last = pieces[sizes.indexOf(Math.min(...sizes))] ?? "";
    fs.renameSync(folder.at(`shared/cas/${last}`), folder.at("away"));
    const read: string[] = [];
    const open = (): RemoteCache => {
      const server = new FolderServer(folder.at("shared"));
      const counted: CacheServer = {
        place: server.place,
        size: (shelf, name) => server.size(shelf, name),
        read: (shelf, name, ...rest) => {
          if (shelf === "cas") read.push(name);
          return server.read(shelf, name, ...rest);
        },
        write: (shelf, name, bytes) => server.write(shelf, name, bytes),
        setAside: (shelf, name) => server.setAside(shelf, name),
        close: () => server.close(),
      };
      return remote(counted, folder);
    };
    const first = open();
    await first.results([large.record]);
    expect(await first.get(large.digest, "file", folder.at("got"))).toBe("absent");
    fs.renameSync(folder.at("away"), folder.at(`shared/cas/${last}`));
    read.length = 0;
    const second = open();
    await second.results([large.record]);
    expect(await second.get(large.digest, "file", folder.at("got"))).toBe("taken");
    expect(read).toEqual([last]);
    expect(digestOfBytes(fs.readFileSync(folder.at("got")))).toBe(large.digest);
    expect(fs.readdirSync(folder.at("arriving"))).toEqual([]);
  });

  it("that changes while it is sent makes no result", async () => {
    const folder = new Folder({ "shared/x": "" });
    const large = largeResult(folder);
    fs.appendFileSync(large.contents[0]?.files[0]?.source ?? "", "more");
    const cache = remote(new FolderServer(folder.at("shared")), folder);
    expect(await cache.put(large.record, large.contents)).toBe(false);
    expect(folder.exists("shared/ac")).toBe(false);
  });
});

describe.skipIf(!hasNginx)(`nginx as a shared cache ${UNLESS_NGINX}`, () => {
  let nginx: Nginx;
  let read: Env;
  let write: Env;
  const begin = async (options?: NginxOptions): Promise<void> => {
    nginx = await Nginx.start(options);
    read = { AQM_CACHE_SHARED: nginx.url, NETRC: "/nowhere/.netrc" };
    write = { ...read, AQM_CACHE_MODE: "write", AQM_CACHE_LOGIN: `${nginx.url} ${LOGIN}` };
  };
  afterEach(() => nginx.remove());

  it("gives a clone all results; readers need no login, and the login is shown nowhere", async () => {
    await begin();
    const made = await maker.build([], { env: write });
    expect(noticesOf(made)).toEqual([`gave 4 results to the shared cache ${nginx.url}`]);
    const puts = nginx.takeRequests().filter((line) => line.startsWith("PUT"));
    expect(puts.at(-1)).toContain("/ac/");
    expect(puts.every((line) => line.includes(" 201 Basic "))).toBe(true);
    const built = await clone.build([], { env: read });
    expect([built.ran, sharedOf(built)]).toEqual([[], TARGETS]);
    expect(nginx.takeRequests().filter((line) => !line.endsWith(" -"))).toEqual([]);
    sameAsMade();
    const status = await maker.aqm(["cache", "status"], { env: write });
    expect(status.stdout).toContain("login    from AQM_CACHE_LOGIN");
    const files = fs
      .readdirSync(maker.root, { recursive: true, encoding: "utf8" })
      .filter((path) => fs.statSync(maker.path(path)).isFile());
    const all = files.map((path) => maker.read(path)).join("") + made.stdout + status.stdout;
    expect(all).not.toContain("secret");
    expect(all).not.toContain(Buffer.from(LOGIN).toString("base64"));
  });

  it("is not asked to take anything by a reader, nor without a login", async () => {
    await begin();
    await maker.build([], { env: read });
    expect(nginx.takeRequests().filter((line) => line.startsWith("PUT"))).toEqual([]);
    const refused = await clone.build([], { env: { ...read, AQM_CACHE_MODE: "write" } });
    expect(refused.code).toBe(0);
    expect(noticesOf(refused)).toEqual([
      `the shared cache ${nginx.url} gets nothing from this build: it may not be written (401): no login is known for it`,
    ]);
  });

  it.each<[string, NginxOptions, RegExp]>([
    ["needs a login to be read", { readsWithLogin: true }, /may not be read \(401\)/],
    ["forbids", { instead: "return 403;" }, /may not be read \(403\)/],
    ["is out of order", { instead: "return 503;" }, /it answers 503/],
    ["leads elsewhere for ever", { instead: "return 302 $request_uri;" }, /on and on/],
  ])("that %s is left out, said once, and the build goes on", async (_, options, why) => {
    await begin(options);
    const built = await clone.build([], { env: read });
    expect([built.code, built.ran]).toEqual([0, TARGETS]);
    const [said, ...more] = noticesOf(built);
    expect([said, more]).toEqual([expect.stringMatching(why), []]);
  });

  it("that takes nothing so large says how many results it did not get", async () => {
    await begin({ most: "10" });
    const built = await maker.build([], { env: write });
    expect(built.code).toBe(0);
    expect(noticesOf(built).at(-1)).toMatch(
      /^4 results of this build are not in the shared cache .*: `aqm cache push` tries again$/,
    );
    expect(nginx.names("ac")).toEqual([]);
  });

  it("that has poison and cut files gives nothing wrong, and is mended by who may write", async () => {
    await begin();
    await maker.build([], { env: write });
    const lengthOf = (name: string): number => fs.statSync(nginx.at(`cas/${name}`)).size;
    const [cut = "", ...others] = [...nginx.names("cas")].sort((a, b) => lengthOf(b) - lengthOf(a));
    fs.truncateSync(nginx.at(`cas/${cut}`), 3);
    for (const name of others)
      fs.writeFileSync(nginx.at(`cas/${name}`), "x".repeat(lengthOf(name)));
    const built = await clone.build([], { env: read });
    expect(built.code).toBe(0);
    for (const path of TARGETS.slice(2)) expect(clone.read(path)).toBe(maker.read(path));
    expect(noticesOf(built).join("\n")).toContain(`${nginx.url} has a damaged cas/`);
    const mender = textWorkspace();
    await mender.build([], { env: write });
    mender.remove();
    const last = textWorkspace();
    const again = await last.build([], { env: read });
    expect(again.code).toBe(0);
    for (const path of TARGETS.slice(2)) expect(last.read(path)).toBe(maker.read(path));
    last.remove();
  });

  it("that goes away in the middle of a build leaves the rest to be made, and back again serves", async () => {
    await begin();
    await maker.build([], { env: write });
    const running = clone.begin(["build", "--json"], { env: read });
    // The plan was made on what it has; now it has nothing more.
    await running.event(({ type }) => type === "planned");
    nginx.stop();
    const { code } = await running.finished;
    expect(code).toBe(0);
    for (const path of TARGETS.slice(2)) expect(clone.read(path)).toBe(maker.read(path));
    const away = textWorkspace();
    expect((await away.build([], { env: read })).ran).toEqual(TARGETS);
    away.remove();
    nginx.begin();
    const back = textWorkspace();
    expect((await back.build([], { env: read })).ran).toEqual([]);
    back.remove();
  });

  it("has whole results after two have written the same at once", async () => {
    await begin();
    const both = [maker, clone].map((workspace) =>
      workspace.start(["build", "--json"], { env: write }),
    );
    const ended = await Promise.all(both.map(({ finished }) => finished));
    expect(ended.map(({ code }) => code)).toEqual([0, 0]);
    const third = textWorkspace();
    expect((await third.build([], { env: read })).ran).toEqual([]);
    third.remove();
  });

  it("gives what was put and nothing else, whatever happens to its files", async () => {
    await begin();
    const url = new URL(nginx.url);
    const login = {
      origin: url.origin,
      authorization: `Basic ${Buffer.from(LOGIN).toString("base64")}`,
      source: "a test",
    };
    await holdAgainstModel((folder) => {
      for (const shelf of ["ac", "cas"])
        fs.rmSync(nginx.at(shelf), { recursive: true, force: true });
      return {
        open: () => remote(new HttpServer(url, login), folder),
        damage: (digest, how) => {
          const path = nginx.at(`cas/${hex(digest)}`);
          if (!fs.existsSync(path)) return; // it was lost before
          const bytes = fs.readFileSync(path);
          if (how === "lost") fs.rmSync(path);
          else if (how === "cut") fs.truncateSync(path, bytes.length >> 1);
          else fs.writeFileSync(path, "x".repeat(bytes.length));
        },
      };
    }, 30);
  });
});
