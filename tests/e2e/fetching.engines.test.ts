import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebServer } from "../rig/web-server.ts";
import { TestWorkspace } from "../rig/workspace.ts";

/**
 * The repository's own rules and ops, with COCO's layout served from this machine. The interpreter is
 * that of the environment `data`, which has no GPU library.
 */
const ARCHIVE = "annotations/annotations_trainval2017.zip";
const FETCHED = "datasets/coco2017/fetched";
const MODEL = "conf/model/qwen3_vl_4b_instruct.yaml";
const CHECKPOINT = "models/qwen3_vl_4b_instruct/checkpoints/Qwen3-VL-4B-Instruct";
const CALIBRATION = "datasets/vlm-quantize-calib";

/** 40 train and 4 val captions, one for each image, and the archive with the two caption files. */
const MAKE_COCO = `
import json, sys, zipfile
from pathlib import Path
root = Path(sys.argv[1])
(root / "annotations").mkdir(parents=True)
with zipfile.ZipFile(root / "${ARCHIVE}", "w") as archive:
    archive.writestr("annotations/instances_train2017.json", "[]" * 2000)
    for split, ids in (("train2017", range(1, 41)), ("val2017", range(41, 45))):
        (root / split).mkdir()
        for number in ids:
            (root / split / f"{number:012d}.jpg").write_bytes(b"\\xff\\xd8\\xff" + bytes([number]) * 50)
        archive.writestr(f"annotations/captions_{split}.json", json.dumps({
            "images": [{"id": n, "file_name": f"{n:012d}.jpg"} for n in ids],
            "annotations": [{"id": 100 + n, "image_id": n, "caption": f"caption {n}"} for n in ids],
        }))
`;

let workspace: TestWorkspace;
let web: WebServer;
let python: string;

const coco = (path: string): string => workspace.path(join("served", path));
const build = (...targets: string[]): ReturnType<TestWorkspace["build"]> =>
  workspace.build(targets, {
    env: { AQM_PYTHON: python, AQM_CACHE: workspace.path("cache"), NO_PROXY: "127.0.0.1" },
  });
/** Without whatever else conf/dataset/coco2017.yaml holds: only these lines matter here. */
const configure = (source: string): void =>
  workspace.write(
    "conf/dataset/coco2017.yaml",
    `name: vlm_coco2017_captions
source: ${source}
recorded_root: ../coco2017/source-data
calibration: ${CALIBRATION}
full_samples: 4096
seed: 42
sizes: { small: 4, medium: 8, large: 44 }
calib_seq_len: 512
held_out: { seed: 42, sizes: { search: 2, confirm: 2, report: 2 }, least_tokens: 1 }
`,
  );
const filesBelow = (folder: string): string[] =>
  fs
    .readdirSync(workspace.path(folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".jpg"))
    .sort();
const images = (): string[] => web.asked.map(({ path }) => path).filter((p) => p.endsWith(".jpg"));

beforeAll(async () => {
  workspace = TestWorkspace.copyOfRepository();
  workspace.onlyModels("qwen3_vl_4b_instruct");
  const made = await workspace.aqm(["environment", "data"]);
  python = made.stdout.trim();
  const { status, stderr } = spawnSync(python, ["-c", MAKE_COCO, coco("")], { encoding: "utf8" });
  expect(stderr).toBe("");
  expect(status).toBe(0);
  web = await WebServer.serve(coco(""));
  const sha256 = createHash("sha256")
    .update(fs.readFileSync(coco(ARCHIVE)))
    .digest("hex");
  configure(
    `{ url: "${web.url}", into: ${FETCHED}, archive: { path: ${ARCHIVE}, sha256: ${sha256} } }`,
  );
});
afterAll(() => {
  web.close();
  workspace.remove();
});

describe("fetching", () => {
  it("gets the annotations and a subset's images, and goes on where a connection was cut", async () => {
    web.cuts.set(`/${ARCHIVE}`, 1500);
    const built = await build(`${FETCHED}/images_small`);
    expect(built.stderr).toBe("");
    expect(built.code).toBe(0);
    expect(built.ran).toHaveLength(4);
    const archive = web.asked.filter(({ path }) => path === `/${ARCHIVE}`);
    expect(archive.map(({ range }) => range)).toEqual([undefined, "bytes=1500-"]);
    const kept = filesBelow(`${FETCHED}/images_small`);
    expect(kept).toHaveLength(4);
    expect(images().sort()).toEqual(kept.map((name) => `/${name}`));
    for (const name of kept) {
      expect(workspace.read(join(FETCHED, "images_small", name))).toBe(
        fs.readFileSync(coco(name), "utf8"),
      );
    }
    const phases = built.events.flatMap((e) => (e.type === "action_phase" ? [e] : []));
    expect(phases).toContainEqual(expect.objectContaining({ name: "fetch images", total: 4 }));
    expect(phases.map(({ name }) => name)).toContain("fetch annotations_trainval2017.zip, kB");
    expect(built.events).toContainEqual(
      expect.objectContaining({ type: "action_step", target: `${FETCHED}/images_small`, done: 4 }),
    );
  });

  it("runs and fetches nothing the second time", async () => {
    const before = web.asked.length;
    const second = await build(`${FETCHED}/images_small`);
    expect(second.code).toBe(0);
    expect(second.ran).toEqual([]);
    expect(web.asked).toHaveLength(before);
  });

  it("another size draws nothing anew and fetches only what is new", async () => {
    workspace.edit("conf/dataset/coco2017.yaml", "medium: 8", "medium: 9");
    const before = new Set(images());
    const built = await build(`${FETCHED}/images_medium`);
    expect(built.ran).toEqual([
      `${CALIBRATION}/coco2017_captions_medium.txt`,
      `${FETCHED}/images_medium`,
    ]);
    expect(filesBelow(`${FETCHED}/images_medium`)).toHaveLength(9);
    expect(images()).toHaveLength(9);
    expect(new Set(images()).size).toBe(9);
    expect([...before].every((path) => images().includes(path))).toBe(true);
    const lines = (size: string): string[] =>
      workspace.read(`${CALIBRATION}/coco2017_captions${size}.txt`).trimEnd().split("\n");
    expect(lines("_medium")).toEqual(lines("").slice(0, 9));
  });

  it("a held-out set has images of its own, and fetches no others", async () => {
    workspace.edit("conf/dataset/coco2017.yaml", "full_samples: 4096", "full_samples: 30");
    const before = images();
    const target = `${FETCHED}/images_held_out_report`;
    const sets = [`${CALIBRATION}/held_out_search.txt`, `${CALIBRATION}/held_out_confirm.txt`];
    const built = await build(target, ...sets);
    expect(built.stderr).toBe("");
    expect(built.code).toBe(0);
    expect(images().slice(before.length)).toHaveLength(2);
    expect(filesBelow(target)).toHaveLength(2);
    const texts = [
      `${CALIBRATION}/coco2017_captions.txt`,
      `${CALIBRATION}/held_out_report.txt`,
      ...sets,
    ];
    const lines = texts.flatMap((path) => workspace.read(path).trimEnd().split("\n"));
    expect(lines).toHaveLength(36);
    expect(new Set(lines).size).toBe(36);

    // The sample has every caption again, so that no image is left.
    workspace.edit("conf/dataset/coco2017.yaml", "full_samples: 30", "full_samples: 4096");
    const failed = await build(target);
    expect(failed.code).toBe(1);
    const failures = failed.events.flatMap((e) => (e.type === "action_failed" ? [e.failure] : []));
    expect(failures.map(({ reason }) => reason)).toEqual(["gate_failed"]);
    expect(JSON.stringify(failures)).toContain("of 44 images 0 are not in the calibration sample");
    expect(filesBelow(target)).toHaveLength(2);
  });

  it("an image that is not there fails with its address and a next step, and publishes nothing", async () => {
    const missing = "val2017/000000000044.jpg";
    fs.renameSync(coco(missing), coco("aside"));
    const target = `${FETCHED}/images_large`;
    const failed = await build(target);
    expect(failed.code).toBe(1);
    const failures = failed.events.flatMap((e) => (e.type === "action_failed" ? [e] : []));
    expect(failures).toHaveLength(1);
    expect(failures[0]).toMatchObject({ target, failure: { reason: "bad_request" } });
    const text = JSON.stringify(failures[0]);
    expect(text).toContain(`${web.url}/${missing} is not there (HTTP 404).`);
    expect(text).toContain("put the files in place yourself");
    expect(workspace.exists(target)).toBe(false);
    expect(workspace.exists(`aqm.lock/${target}.json`)).toBe(false);

    fs.renameSync(coco("aside"), coco(missing));
    const built = await build(target);
    expect(built.code).toBe(0);
    expect(filesBelow(target)).toHaveLength(44);
    const others = images().filter((path) => path !== `/${missing}`);
    expect(new Set(others).size).toBe(others.length); // each of them once, over both builds
  });

  it("what somebody has placed is used as it is, and nobody is asked", async () => {
    const root = "datasets/coco2017/source-data";
    fs.cpSync(workspace.path(`${FETCHED}/annotations`), workspace.path(`${root}/annotations`), {
      recursive: true,
    });
    configure(`{ folder: ${root} }`);
    const before = web.asked.length;
    const built = await build(`${CALIBRATION}/coco2017_captions_small.txt`);
    expect(built.code).toBe(0);
    expect(built.ran).toEqual([]); // the same annotations, so the same samples
    const listed = await workspace.aqm(["list", "datasets/coco2017"]);
    expect(listed.stdout).toBe("");
    expect(web.asked).toHaveLength(before);
  });

  it("refuses a revision that moves, before anything runs", async () => {
    workspace.edit(MODEL, "placed: Qwen", "hub: Qwen");
    const listed = await workspace.aqm(["list", "models/qwen3_vl_4b_instruct/checkpoints"]);
    expect(listed.stdout.trim()).toBe(`${CHECKPOINT}-ebb281ec70b0/`);
    workspace.edit(MODEL, '"ebb281ec70b05090aa6165b016eac8ec08e71b17"', "main");
    const { code, stderr } = await workspace.aqm(["list"]);
    expect(code).toBe(2);
    expect(stderr).toContain(`${MODEL}:8:`);
    expect(stderr).toContain("Pin a whole commit id of 40 hexadecimal digits");
  });

  it("gets a checkpoint of the hub at its revision, to a place of its own", async () => {
    const revision = "a1".repeat(20);
    const weights = Buffer.alloc(5000, "weights");
    const sha256 = createHash("sha256").update(weights).digest("hex");
    const lfs = { oid: sha256, size: weights.length, pointerSize: 134 };
    const entry = { type: "file", oid: "0".repeat(40), size: weights.length };
    const repository = "Qwen/Qwen3-VL-4B-Instruct";
    const serve = (path: string, content: string | Buffer): void =>
      workspace.write(join("served", path), content);
    serve(
      `api/models/${repository}/tree/${revision}`,
      JSON.stringify([
        { ...entry, path: "model.safetensors", lfs },
        { ...entry, path: "README.md" },
      ]),
    );
    const resolved = `${repository}/resolve/${revision}/model.safetensors`;
    serve(resolved, weights);
    web.cuts.set(`/${resolved}`, 2000);
    workspace.write(`${CHECKPOINT}/config.json`, "placed by hand");
    workspace.edit(MODEL, "revision: main", `endpoint: "${web.url}", revision: "${revision}"`);
    const built = await build(`${CHECKPOINT}-a1a1a1a1a1a1`);
    expect(built.events.filter(({ type }) => type === "action_failed")).toEqual([]);
    expect(built.code).toBe(0);
    expect(fs.readdirSync(workspace.path(`${CHECKPOINT}-a1a1a1a1a1a1`))).toEqual([
      "model.safetensors",
    ]);
    expect(workspace.read(`${CHECKPOINT}-a1a1a1a1a1a1/model.safetensors`)).toBe(String(weights));
    const ranges = web.asked
      .filter(({ path }) => path === `/${resolved}`)
      .map(({ range }) => range);
    expect(ranges).toEqual([undefined, "bytes=2000-"]);
    expect(workspace.read(`${CHECKPOINT}/config.json`)).toBe("placed by hand");
  });
});
