import * as fs from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Folder } from "../engine/support/folder.ts";
import { asNobody, canBeNobody, NOBODY, UNLESS_ROOT } from "../rig/nobody.ts";
import type { TestWorkspace } from "../rig/workspace.ts";
import { textWorkspace } from "./text-workspace.ts";
import { WIDE } from "../rig/wide.ts";

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

const sameContent = (): void => {
  for (const path of TARGETS.slice(2)) expect(clone.read(path)).toBe(maker.read(path));
};

/** Files of a shared folder, without what is aside. */
const filesIn = (folder: string, shelf: "ac" | "cas"): readonly string[] =>
  fs.existsSync(`${folder}/${shelf}`) ? fs.readdirSync(`${folder}/${shelf}`).sort() : [];

describe("a folder that workspaces share", () => {
  let folder: Folder;
  let shared: string;
  let read: Env;
  let write: Env;
  beforeEach(() => {
    folder = new Folder();
    shared = folder.at("shared");
    fs.mkdirSync(shared);
    read = { AQM_CACHE_SHARED: shared };
    write = { ...read, AQM_CACHE_MODE: "write" };
  });

  it("gives a clone all results, with the records that their maker has, and runs nothing", async () => {
    const made = await maker.build([], { env: write });
    expect(noticesOf(made)).toEqual([`gave 4 results to the shared cache ${shared}`]);
    const plan = await clone.aqm(["build", "--dry-run"], { env: read });
    expect(plan.stdout).toContain("restore  out/joined.txt from the shared cache");
    expect(plan.stdout).toContain("0 to run, 4 to restore (4 from the shared cache), 0 fresh");
    expect(clone.exists("out")).toBe(false);
    const why = await clone.aqm(["why", "out/length.txt"], { env: read });
    expect(why.stdout).toContain("from the shared cache");
    const built = await clone.build([], { env: read });
    expect(built.ran).toEqual([]);
    expect(sharedOf(built)).toEqual(TARGETS);
    expect(built.events.at(-1)).toMatchObject({ restored: 4, shared: 4, ran: 0 });
    sameAsMade();
    // What nobody asks for stays there, and comes when it is asked for.
    expect(clone.exists("big/one.txt")).toBe(false);
    expect((await clone.build(["big/one.txt"], { env: read })).ran).toEqual([]);
    expect(clone.read("big/one.txt")).toBe(maker.read("big/one.txt"));
    expect((await clone.build()).events.at(-1)).toMatchObject({ fresh: 4, restored: 0 });
  });

  it.runIf(WIDE)("is named by the Aqmfile, too, and AQM_CACHE_SHARED=off is none", async () => {
    for (const workspace of [maker, clone])
      workspace.edit(
        "Aqmfile.ts",
        "\n]);",
        `\n], { cache: { folder: "${shared}", mode: "write" } });`,
      );
    await maker.build();
    expect((await clone.build([], { env: { AQM_CACHE_SHARED: "off" } })).ran).toEqual(TARGETS);
    clone.remove();
    clone = textWorkspace();
    clone.edit("Aqmfile.ts", "\n]);", `\n], { cache: { folder: "${shared}" } });`);
    expect((await clone.build()).ran).toEqual([]);
    // A build that looks only at what changed knows the cache as well.
    clone.write("poems/one.txt", "tulips are red\n");
    maker.write("poems/one.txt", "tulips are red\n");
    await maker.build();
    expect(sharedOf(await clone.build())).toEqual([
      "big/one.txt",
      "out/joined.txt",
      "out/length.txt",
    ]);
    sameAsMade();
  });

  it.runIf(WIDE)("is asked about keys that are known only while the build goes on", async () => {
    await maker.build([], { env: write });
    // Another sign: the poems have to be shouted again, and come out as they were.
    clone.edit("rules/ops/shout.ts", "+ sign", '+ sign + ""');
    const built = await clone.build([], { env: read });
    expect(built.ran).toEqual(["big/one.txt", "big/two.txt"]);
    expect(sharedOf(built)).toEqual(["out/joined.txt", "out/length.txt"]);
    sameContent();
  });

  it.runIf(WIDE)("brings back what a consumer needs that has to run", async () => {
    await maker.build([], { env: write });
    await clone.build([], { env: read });
    clone.edit("rules/ops/join.ts", "version = 1", "version = 2");
    const built = await clone.build([], { env: read });
    expect(built.ran).toEqual(["out/joined.txt"]);
    expect(sharedOf(built)).toEqual(["big/one.txt", "big/two.txt"]);
  });

  it.runIf(WIDE)("gives records of Git their contents, which the records name", async () => {
    await maker.build([], { env: write });
    fs.cpSync(maker.path("aqm.lock"), clone.path("aqm.lock"), { recursive: true });
    const restored = await clone.aqm(["restore", "--json"], { env: read });
    expect(restored.code).toBe(0);
    expect(clone.read("out/joined.txt")).toBe(maker.read("out/joined.txt"));
  });

  it("that has poison, cut and lost files gives the rest, says what is wrong, and the rest is made", async () => {
    await maker.build([], { env: write });
    const digestOf = (path: string): string =>
      (
        JSON.parse(maker.read(`aqm.lock/${path}.json`)) as {
          outputs: { text?: { digest: string } };
        }
      ).outputs.text?.digest.slice(7) ?? "";
    const keyOf = (path: string): string =>
      (JSON.parse(maker.read(`aqm.lock/${path}.json`)) as { key: string }).key.slice(7);
    const spoil = (name: string, content: string): void => {
      fs.rmSync(`${shared}/${name}`);
      fs.writeFileSync(`${shared}/${name}`, content);
    };
    const joined = maker.read("out/joined.txt");
    spoil(`cas/${digestOf("out/joined.txt")}`, "e".repeat(joined.length));
    spoil(`ac/${keyOf("out/length.txt")}`, "no entry");
    const built = await clone.build([], { env: read });
    expect(built.code).toBe(0);
    expect(built.ran).toEqual(["out/joined.txt", "out/length.txt"]);
    sameContent();
    const said = noticesOf(built).join("\n");
    expect(said).toContain(`${shared} has a damaged cas/${digestOf("out/joined.txt")}`);
    expect(said).toContain(`${shared} has a damaged ac/${keyOf("out/length.txt")}`);
    // Who may write mends it.
    const mender = textWorkspace();
    expect((await mender.build([], { env: write })).ran.length).toBeGreaterThan(0);
    expect(fs.readdirSync(`${shared}/quarantine`).length).toBe(2);
    mender.remove();
    const last = textWorkspace();
    expect((await last.build([], { env: read })).ran).toEqual([]);
    last.remove();
  });

  it("is left alone by aqm gc, which removes what a killed build had fetched in part", async () => {
    await maker.build([], { env: write });
    const before = [filesIn(shared, "ac"), filesIn(shared, "cas")];
    maker.write(`.aqm/arriving/${"a".repeat(64)}`, "half of a file");
    const gc = await maker.aqm(["gc", "--max-size", "0"], { env: write });
    expect(gc.code).toBe(0);
    expect(gc.stdout).toContain("removed what had come of 1 file (14 B) from a shared cache");
    expect(fs.readdirSync(maker.path(".aqm/arriving"))).toEqual([]);
    expect([filesIn(shared, "ac"), filesIn(shared, "cas")]).toEqual(before);
  });

  it("gets only what was made as a whole: nothing of what a gate refuses", async () => {
    maker.write("poems/two.txt", "FORBIDDEN\n");
    expect((await maker.build(["-k"], { env: write })).code).toBe(1);
    expect(filesIn(shared, "ac")).toHaveLength(2);
  });

  it.runIf(WIDE)(
    "gets what is there already by aqm cache push, and again only what it lacks",
    async () => {
      await maker.build();
      const push = (env: Env): ReturnType<TestWorkspace["aqm"]> =>
        maker.aqm(["cache", "push", "out/length.txt"], { env });
      expect((await push(read)).stderr).toContain("is only read");
      expect((await push({ AQM_CACHE_SHARED: "off" })).stderr).toContain(
        "There is no shared cache",
      );
      expect((await push(write)).stdout).toContain("gave 4 results");
      expect((await push(write)).stdout).toContain("gave 0 results");
      expect((await clone.build([], { env: read })).ran).toEqual([]);
      const status = await clone.aqm(["cache", "status"], { env: read });
      expect(status.stdout).toBe(
        `cache    ${shared}, which AQM_CACHE_SHARED names\nmode     read\nstate    it answers\n`,
      );
    },
  );

  it("that is not there costs nothing but a word", async () => {
    fs.rmdirSync(shared);
    const built = await clone.build([], { env: write });
    expect(built.code).toBe(0);
    expect(built.ran).toEqual(TARGETS);
    expect(noticesOf(built)).toEqual([
      `the shared cache ${shared} is left out from now on: there is no such folder`,
    ]);
    expect((await clone.aqm(["cache", "status"], { env: read })).code).toBe(1);
  });

  it.runIf(WIDE && canBeNobody)(
    `serves another user of its group, who gives nothing where he may only read ${UNLESS_ROOT}`,
    async () => {
      fs.chmodSync(shared, 0o755);
      await maker.build([], { env: write });
      for (const path of ["", ...fs.readdirSync(clone.root, { recursive: true, encoding: "utf8" })])
        fs.chownSync(clone.path(path), NOBODY, NOBODY);
      fs.chmodSync(folder.path, 0o755);
      const restored = asNobody(clone.root, ["build"], write);
      expect(restored.text).toContain("4 restored (4 from the shared cache)");
      fs.writeFileSync(clone.path("poems/one.txt"), "other\n");
      const made = asNobody(clone.root, ["build"], write);
      expect([made.code, made.text]).toEqual([0, expect.stringContaining("3 ran")]);
      expect(made.text).toContain(`${shared} gets nothing from this build: it may not be written`);
    },
  );

  it.skipIf(!canBeNobody)(
    `is shared by two users who both write, under a mask that hides all ${UNLESS_ROOT}`,
    () => {
      fs.chownSync(shared, 0, NOBODY);
      fs.chmodSync(shared, 0o2775);
      fs.chmodSync(folder.path, 0o755);
      for (const workspace of [maker, clone])
        for (const path of [
          "",
          ...fs.readdirSync(workspace.root, { recursive: true, encoding: "utf8" }),
        ])
          fs.chownSync(workspace.path(path), NOBODY, NOBODY);
      const mask = process.umask(0o077);
      try {
        expect(asNobody(maker.root, ["build"], write).text).toContain("gave 4 results");
      } finally {
        process.umask(mask);
      }
      expect(asNobody(clone.root, ["build"], read).text).toContain("4 from the shared cache");
      const files = filesIn(shared, "cas").map((name) => fs.statSync(`${shared}/cas/${name}`));
      expect(files.map(({ mode, uid }) => [mode & 0o777, uid])).toEqual(
        files.map(() => [0o444, NOBODY]),
      );
    },
  );
});
