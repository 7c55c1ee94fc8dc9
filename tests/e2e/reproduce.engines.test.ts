import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TestWorkspace } from "../rig/workspace.ts";

/** One run of a model of random weights, made on real ModelOpt, published, and made again elsewhere. */
const RUN =
  "models/qwen3_vl_tiny/layer-analysis/weight-fp8-act-fp8/qwen3_vl_tiny_autoquant_wfp8_afp8_lm_small";
const SCORES = `${RUN}/sensitivity-scores.json`;
const MANIFEST = `${RUN}/wfp8_afp8_autoquant_lm_quant_manifest.json`;

interface Answer {
  readonly files: readonly {
    readonly path: string;
    readonly verdict: string;
    readonly summary: string;
    readonly figures: readonly { readonly name: string; readonly within: boolean }[];
    readonly reasons: readonly { readonly what: string; readonly source: string }[];
    readonly follows: readonly string[];
  }[];
  readonly records: boolean;
  readonly exitCode: number;
}

const published = { records: "", plain: "" };
let folder = "";
let original: TestWorkspace;
let workspace: TestWorkspace;

beforeAll(async () => {
  original = TestWorkspace.copyOfRepository();
  original.onlyModels("qwen3_vl_tiny");
  expect((await original.build([RUN])).code).toBe(0);
  // A folder of its own: beside lock records these would be taken for its own.
  folder = fs.mkdtempSync(join(tmpdir(), "aqm-published-"));
  published.records = join(folder, "with-records");
  published.plain = join(folder, "without/published");
  for (const folder of [published.records, published.plain])
    fs.cpSync(original.path(RUN), `${folder}/${RUN}`, { recursive: true });
  fs.cpSync(original.path("aqm.lock"), `${published.records}/aqm.lock`, { recursive: true });
  workspace = TestWorkspace.copyOfRepository();
  workspace.onlyModels("qwen3_vl_tiny");
});
afterAll(() => {
  fs.rmSync(folder, { recursive: true, force: true });
  original.remove();
  workspace.remove();
});

async function reproduce(folder: string): Promise<Answer> {
  const { stdout, stderr } = await workspace.aqm([
    "reproduce",
    "models/qwen3_vl_tiny",
    "--against",
    folder,
    "--json",
  ]);
  expect(stderr).toBe("");
  return JSON.parse(stdout) as Answer;
}

const named = ({ files }: Answer, path: string) => files.find((file) => file.path === path);

describe("aqm reproduce of a real analysis", () => {
  it("agrees in every file under the same settings", async () => {
    const same = await reproduce(published.records);
    expect(same.files.map(({ verdict, path }) => [verdict, path])).toEqual(
      same.files.map(({ path }) => ["agrees", path]),
    );
    expect(same).toMatchObject({ exitCode: 0, records: true });
    expect(same.files.length).toBeGreaterThan(5);
    expect(named(same, SCORES)?.summary).toBe("the same bytes");
  });

  it("without lock records does not say of a text that names its day that it agrees, nor that it differs", async () => {
    const same = await reproduce(published.plain);
    expect(same.records).toBe(false);
    expect(same.files.map(({ verdict }) => verdict)).not.toContain("differs");
    expect(named(same, SCORES)?.verdict).toBe("agrees");
    expect(named(same, MANIFEST)?.verdict).toBe("agrees");
  });

  it("of other weights says how far the scores are apart, and follows the records to the seed", async () => {
    workspace.edit("conf/model/qwen3_vl_tiny.yaml", "tiny_seed: 42", "tiny_seed: 7");
    const other = await reproduce(published.records);
    workspace.edit("conf/model/qwen3_vl_tiny.yaml", "tiny_seed: 7", "tiny_seed: 42");
    expect(other.exitCode).toBe(1);
    const scores = named(other, SCORES);
    expect(scores?.verdict).toBe("differs");
    expect(scores?.figures).toContainEqual(
      expect.objectContaining({ name: "median relative difference of the scores", within: false }),
    );
    expect(scores?.reasons).toContainEqual(
      expect.objectContaining({ what: "setting seed", published: "42", made: "7" }),
    );
    expect(named(other, MANIFEST)?.follows).toEqual([SCORES]);
  });

  it("of another batch size and less data says so from the files alone", async () => {
    workspace.edit("conf/autoquant/gradient_default.yaml", "lm: 8", "lm: 4");
    workspace.edit("conf/dataset/synthetic_coco.yaml", "small: 16", "small: 12");
    const other = await reproduce(published.plain);
    expect(other.exitCode).toBe(1);
    const whats = named(other, SCORES)?.reasons.map(({ what, source }) => `${source}: ${what}`);
    expect(whats).toContain("files: amount of data: batch size");
    expect(whats).toContain("files: amount of data: score samples");
  });
});
