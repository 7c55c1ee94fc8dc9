import * as fs from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { parse } from "yaml";
import { describe, expect, it } from "vitest";
import { REPOSITORY } from "../rig/workspace.ts";

/** What the schemas say of `source`, in which a slip would fetch gigabytes or the wrong ones. */
const read = (path: string): string => fs.readFileSync(join(REPOSITORY, "conf", path), "utf8");
const checker = (group: string): ((value: unknown) => boolean) => {
  const schema = JSON.parse(read(`schema/${group}.schema.json`)) as object;
  return new Ajv2020({ strict: false }).compile(schema);
};
const COMMIT = "a1".repeat(20);
const TRAINED = { seed: 1, steps: 100, batch_size: 8, learning_rate: 0.002 };

interface Case {
  readonly group: string;
  readonly member: string;
  readonly right: readonly object[];
  readonly wrong: readonly object[];
}
const CASES: readonly Case[] = [
  {
    group: "dataset",
    member: "coco2017",
    right: [
      { folder: "datasets/coco" },
      { url: "http://images.example.org", into: "datasets/coco/fetched" },
      { url: "file:///data/coco", into: "d", archive: { path: "a.zip", sha256: "0".repeat(64) } },
      { url: "/data/coco", into: "d", archive: { path: "a.zip", size: 5 } },
    ],
    wrong: [
      {},
      { folder: "datasets/coco", url: "http://images.example.org", into: "d" },
      { folder: "datasets/coco", into: "d" },
      { folder: "datasets/coco", archive: { path: "a.zip" } },
      { url: "http://images.example.org" },
      { url: "ftp://images.example.org", into: "d" },
      { url: "data/coco", into: "d" },
      { url: "/data/coco", into: "d", archive: { path: "a.zip", sha256: "0".repeat(63) } },
      { url: "/data/coco", into: "d", archive: {} },
      { synthetic: { train_images: 1, val_images: 1, captions_per_image: 1, seed: 1 } },
    ],
  },
  {
    group: "model",
    member: "qwen3_vl_4b_instruct",
    right: [
      { placed: "owner/name" },
      { placed: "owner/name", revision: COMMIT },
      { hub: "owner/name", revision: COMMIT },
      { hub: "owner/name", revision: COMMIT, endpoint: "http://127.0.0.1:8000" },
      { tiny_seed: 1 },
      { trained: TRAINED },
    ],
    wrong: [
      {},
      { hub: "owner/name" },
      { hub: "owner/name", revision: "main" },
      { hub: "owner/name", revision: COMMIT.slice(0, 12) },
      { hub: "name", revision: COMMIT },
      { hub: "owner/name", placed: "owner/name", revision: COMMIT },
      { placed: "owner/name", endpoint: "http://127.0.0.1:8000" },
      { tiny_seed: 1, placed: "owner/name" },
      { tiny_seed: 1, revision: COMMIT },
      { trained: TRAINED, tiny_seed: 1 },
      { trained: TRAINED, revision: COMMIT },
      { trained: { ...TRAINED, steps: 0 } },
      { trained: { ...TRAINED, learning_rate: 0 } },
      { trained: { seed: 1 } },
    ],
  },
];

describe.each(CASES)("the source of a $group", ({ group, member, right, wrong }) => {
  const accepts = checker(group);
  const config = parse(read(`${group}/${member}.yaml`)) as object;

  it("is as the repository has it", () => expect(accepts(config)).toBe(true));
  it.each(right)("may be %o", (source) => expect(accepts({ ...config, source })).toBe(true));
  it.each(wrong)("may not be %o", (source) => expect(accepts({ ...config, source })).toBe(false));
});
