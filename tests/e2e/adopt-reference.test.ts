import * as fs from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  haveReferenceData,
  referenceDataTitle,
  referenceFolder,
} from "../analysis/reference-data.ts";
import { REPOSITORY, TestWorkspace } from "../rig/workspace.ts";
import { WIDE } from "../rig/wide.ts";

/** Pairs that the reference runs have, as far as this repository does not declare them. */
const PAIRS = {
  wint4_aint8: ["int4", "int8", "INT4_WEIGHT_INT8_ACT_CFG", '4, block_sizes: { "-1": 128 }', 8],
  wint8_aint4: ["int8", "int4", "INT8_WEIGHT_INT4_ACT_CFG", "8, axis: 0", 4],
} as const;

const INT8 = "models/qwen2_5_vl_3b_instruct/layer-analysis/weight-int8-act-int8";

interface Row {
  readonly file: string;
  readonly targets: readonly string[];
  readonly decision: string;
  readonly grade: string | null;
  readonly unknown: readonly string[];
  readonly contradictions: readonly { readonly field: string }[];
}

interface Planned {
  readonly target: string;
  readonly verdict: string;
  readonly lane: string;
  readonly adopted: string | null;
}

describe.runIf(haveReferenceData && WIDE)(`adopting: ${referenceDataTitle}`, () => {
  let workspace: TestWorkspace;
  beforeAll(() => {
    workspace = TestWorkspace.create({});
    for (const name of ["Aqmfile.ts", "conf", "rules", "python"]) {
      fs.cpSync(join(REPOSITORY, name), workspace.path(name), { recursive: true });
    }
    for (const [name, [weight, activation, format, bits, input]] of Object.entries(PAIRS)) {
      if (workspace.exists(`conf/quant_pair/${name}.yaml`)) continue;
      workspace.write(
        `conf/quant_pair/${name}.yaml`,
        `name: ${name}\nweight: ${weight}\nactivation: ${activation}\nformat_name: ${format}\nexperimental: true\nalgorithm: max\nquantizers:\n  weight: { num_bits: ${bits} }\n  input: { num_bits: ${input}, axis: null }\n`,
      );
    }
  });
  afterAll(() => workspace.remove());

  const adopt = async (...args: readonly string[]): Promise<readonly Row[]> => {
    const { stdout } = await workspace.aqm(["adopt", referenceFolder, "--json", ...args]);
    return (JSON.parse(stdout) as { rows: readonly Row[] }).rows;
  };

  it("leaves nothing to be run on a GPU, and the reports come out as published", async () => {
    const first = await adopt();
    // A reason is given for these two runs, not for whatever else lies there.
    const word = ["--because", "the published runs of these names"];
    const second = await adopt(INT8, ...word);
    const adopted = [...first.filter(({ grade }) => grade !== null), ...second].filter(
      ({ decision }) => decision !== "refused",
    );
    const folders = adopted.map(({ targets }) => folderOf(targets[0] ?? ""));
    const { stdout } = await workspace.aqm(["build", "--dry-run", "--json", ...folders]);
    const { actions } = JSON.parse(stdout) as { actions: readonly Planned[] };
    expect(actions.filter(({ lane }) => lane === "gpu")).toHaveLength(8);
    expect(actions.filter(({ lane, verdict }) => lane === "gpu" && verdict !== "fresh")).toEqual(
      [],
    );
    const built = await workspace.build(folders);
    expect(built.code, built.stdout).toBe(0);
    expect(built.ran).toHaveLength(32); // three reports and the composed config of each

    const lines = first.map((row) => {
      const later = adopted.find(({ file }) => file === row.file);
      const folder = folderOf(later?.targets[0] ?? "");
      const run = row.file.split("/")[1] ?? "";
      const verdict = actions.find(({ target }) => target === later?.targets[0])?.verdict;
      return [
        `\`${row.file.split("/").slice(1).join("/")}\``,
        row.grade ?? "refused",
        String(row.unknown.length),
        row.contradictions.map(({ field }) => field).join(", ") || "none",
        later?.grade ?? "not asked for",
        verdict ?? "none",
        later === undefined ? "none" : sameReport(workspace, folder, run),
      ];
    });
    const titles = [
      "found",
      "grade",
      "unknown",
      "contradicts",
      "grade with `--because`",
      "scores in the plan",
      "JSON report after `aqm build`",
    ];
    const table = [titles, titles.map(() => "---"), ...lines]
      .map((cells) => `| ${cells.join(" | ")} |`)
      .join("\n");
    const docs = fs.readFileSync(join(REPOSITORY, "docs/adopt.md"), "utf8");
    const squeezed = (text: string): string => text.replace(/ +/g, " ").replace(/-+/g, "---");
    expect(squeezed(docs)).toContain(squeezed(table));
  });
});

const folderOf = (path: string): string => path.slice(0, path.lastIndexOf("/"));

function sameReport(workspace: TestWorkspace, folder: string, run: string): string {
  const ours = workspace.read(`${folder}/per-layer-sensitivity.json`);
  const published = fs.readFileSync(
    join(referenceFolder, run, "per-layer-sensitivity.json"),
    "utf8",
  );
  const rows = (text: string): number =>
    (JSON.parse(text) as { layer_sensitivity: readonly unknown[] }).layer_sensitivity.length;
  return ours === published
    ? "same bytes"
    : `${rows(ours)} rows, published with ${rows(published)}`;
}
