import * as fs from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { digestOfBytes } from "../../src/model/digest.ts";
import { Folder } from "../engine/support/folder.ts";
import { hex } from "../engine/support/shared-results.ts";
import { WIDE } from "../rig/wide.ts";
import { REPOSITORY, TestWorkspace } from "../rig/workspace.ts";

/** `pair` has two outputs, the second of which is what `same` writes as well. */
const twins = (): TestWorkspace =>
  TestWorkspace.create({
    "poem.txt": "roses are red\n",
    "rules/ops/pair.ts": `import { ok, type OpCall, type OpFailure, type OpOutputs, type Result } from "aqm";
export const version = 1;
export function run({ inputs }: OpCall<object, "poem">): Result<OpOutputs<"first" | "second">, OpFailure> {
  return ok({ first: "first\\n", second: inputs.poem.text() });
}
`,
    "rules/ops/same.ts": `import { ok, type OpCall, type OpFailure, type OpOutputs, type Result } from "aqm";
export const version = 1;
export function run({ inputs }: OpCall<object, "poem">): Result<OpOutputs<"text">, OpFailure> {
  return ok({ text: inputs.poem.text() });
}
`,
    "Aqmfile.ts": `import { action, build, committed, file, typescriptOp } from "aqm";
const pair = typescriptOp<typeof import("./rules/ops/pair.ts")>("rules/ops/pair.ts");
const same = typescriptOp<typeof import("./rules/ops/same.ts")>("rules/ops/same.ts");
const inputs = { poem: file("poem.txt", { obtain: "write a poem" }) };
export default build([
  action({ op: pair, params: {}, inputs, outputs: { first: committed("out/first.txt"), second: committed("out/second.txt") } }),
  action({ op: same, params: {}, inputs, outputs: { text: committed("out/same.txt") } }),
]);
`,
  });

const FIRST = hex(digestOfBytes("first\n"));
const SECOND = hex(digestOfBytes("roses are red\n"));

describe("a shared cache that loses something while results come from it", () => {
  const open: { remove: () => void }[] = [];
  let server: Server | null = null;
  afterEach(() => {
    server?.close();
    server?.closeAllConnections();
    for (const one of open.splice(0)) one.remove();
  });

  it("leaves no output out of what is restored: the action runs here", async () => {
    const [maker, clone] = [twins(), twins()];
    open.push(maker, clone);
    const folder = new Folder({ "shared/x": "" });
    const made = await maker.build([], {
      env: { AQM_CACHE_SHARED: folder.at("shared"), AQM_CACHE_MODE: "write" },
    });
    expect(made.code).toBe(0);

    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    server = createServer((request, response) => {
      const path = join(folder.at("shared"), request.url ?? "");
      const lost = request.method === "GET" && path.endsWith(SECOND);
      if (lost || !fs.existsSync(path)) {
        response.writeHead(404).end();
        return;
      }
      const bytes = fs.readFileSync(path);
      const answer = (): void => {
        response.writeHead(200, { "content-length": bytes.length });
        response.end(request.method === "HEAD" ? undefined : bytes);
      };
      if (request.method === "GET" && path.endsWith(FIRST)) void released.then(answer);
      else answer();
    });
    await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

    const running = clone.begin(["build", "--json"], { env: { AQM_CACHE_SHARED: url } });
    // The second output of `pair` is lost while the first is on its way.
    await running.event(
      (event) => event.type === "notice" && event.message.includes("did not give out/same.txt"),
    );
    release();
    expect((await running.finished).code).toBe(0);
    for (const name of ["first", "second", "same"])
      expect(clone.read(`out/${name}.txt`)).toBe(maker.read(`out/${name}.txt`));
  });

  /** Builds in a process to which the disk below a folder of the workspace is full. */
  const buildOnFullDisk = async (clone: TestWorkspace, below: string, shared: string) => {
    const fault = {
      root: clone.root,
      log: clone.path("faults"),
      mode: "error",
      at: 1,
      only: below,
    };
    const { finished } = clone.start(["build", "--json"], {
      env: {
        AQM_CACHE_SHARED: shared,
        NODE_OPTIONS: `--import ${join(REPOSITORY, "tests/crash/fault-injector.mjs")}`,
        AQM_FAULT: JSON.stringify({ ...fault, code: "ENOSPC", sticky: true }),
      },
    });
    const { code, stdout } = await finished;
    return { code, stdout, last: JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as unknown };
  };

  it.runIf(WIDE)(
    "meets a full disk: the store goes without a copy; where an output has no room, that is said",
    async () => {
      const [maker, clone] = [twins(), twins()];
      open.push(maker, clone);
      const folder = new Folder({ "shared/x": "" });
      const shared = folder.at("shared");
      await maker.build([], { env: { AQM_CACHE_SHARED: shared, AQM_CACHE_MODE: "write" } });

      const full = await buildOnFullDisk(clone, ".aqm/stage/", shared);
      expect(full.code).not.toBe(0);
      expect(full.stdout).toMatch(/"reason":"disk_full","message":"There is no room left to write/);
      expect(fs.readdirSync(clone.path("out"))).toEqual([]);
      expect(clone.exists("aqm.lock/out")).toBe(false);

      const built = await buildOnFullDisk(clone, ".aqm/store/", shared);
      expect(built).toMatchObject({ code: 0, last: { ran: 0, shared: 2 } });
      for (const name of ["first", "second", "same"])
        expect(clone.read(`out/${name}.txt`)).toBe(maker.read(`out/${name}.txt`));
      expect((await clone.build()).events.at(-1)).toMatchObject({ fresh: 2, ran: 0 });
    },
  );
});
