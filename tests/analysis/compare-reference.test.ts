import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { compareSubjects, type Comparison } from "../../src/analysis/compare/compare.ts";
import { comparisonText } from "../../src/analysis/compare/comparison-text.ts";
import { table } from "../../src/analysis/text/markdown-table.ts";
import { readSubject, type Subject } from "../../src/analysis/compare/subject.ts";
import { expectValue } from "./figures.ts";
import { referenceDataTitle, referenceFolder } from "./reference-data.ts";

const INC = join(referenceFolder, "../inc/op_sensitivity_mse_v2_sanity.json");
const DOCS = fileURLToPath(new URL("../../docs/compare.md", import.meta.url));

/** Which published analyses the documentation compares: run, or run and beginning of the file. */
const COMPARED: readonly (readonly [string, string])[] = [
  ["qwen3_vl_4b_lm_wint8_aint8_medium", "qwen3_vl_4b_lm_wint4_aint8_medium"],
  ["qwen3_vl_4b_lm_wint8_aint8_medium", "qwen3_vl_4b_lm_wint8_aint4_medium"],
  ["qwen3_vl_4b_lm_wint8_aint8_medium", "qwen3_vl_4b_lm_wfp8_afp8_medium"],
  ["qwen3_vl_4b_lm_wfp8_afp8_medium", "qwen3_vl_4b_lm_wfp4_afp16_medium"],
  ["qwen3_vl_4b_lm_wint8_aint8_medium", "qwen3_vl_4b_all_layers_wint8_aint8_small"],
  ["qwen2_5_vl_3b_all_layers_top10_int8_small/fp8", "qwen2_5_vl_3b_lm_wint8_aint8_small"],
  ["qwen3_vl_4b_all_layers_wint8_aint8_small", "inc"],
];

describe.runIf(existsSync(INC))(`comparing: ${referenceDataTitle}`, () => {
  const docs = existsSync(DOCS) ? readFileSync(DOCS, "utf8") : "";

  it("gives the table and the example of the documentation", () => {
    const rows = COMPARED.map(([a, b]) => row(a, b, compare(a, b, 10)));
    const titles = [
      "A",
      "B",
      "layers",
      "Spearman",
      "Kendall",
      "of the first 10",
      "scores",
      "flips at 12 bits",
    ];
    const written = table(titles, rows) ?? "";
    const [a = "", b = ""] = COMPARED[0] ?? [];
    const example = comparisonText(compare(a, b, 4)).trimEnd();
    if (process.env["AQM_SHOW"] === "1") process.stdout.write(`${written}\n\n${example}\n`);
    expect(squeezed(docs)).toContain(squeezed(written));
    expect(squeezed(docs)).toContain(squeezed(example));
  });
});

const compare = (a: string, b: string, most: number): Comparison =>
  expectValue(compareSubjects(read(a), read(b), { budgets: [12], most }));

function read(name: string): Subject {
  if (name === "inc") return expectValue(readSubject(readFileSync(INC, "utf8"), "INC"));
  const [run = "", start = ""] = name.split("/");
  const file = readdirSync(join(referenceFolder, run)).find(
    (one) => one.startsWith(start) && one.endsWith("_quant_manifest.json"),
  );
  return expectValue(
    readSubject(readFileSync(join(referenceFolder, run, file ?? ""), "utf8"), run),
  );
}

const row = (a: string, b: string, found: Comparison): readonly string[] => [
  short(a),
  short(b),
  String(found.layers.both),
  found.ranks.spearman?.toFixed(3) ?? "undefined",
  found.ranks.kendall?.toFixed(3) ?? "undefined",
  String(found.top.find(({ k }) => k === 10)?.shared ?? "none"),
  found.magnitudes === null ? "refused" : "compared",
  String(found.flips.at(-1)?.layers.length ?? "none"),
];

const short = (name: string): string => name.replace("_instruct", "").replace("/", " ");

/** As a formatter leaves it: columns may be padded. */
const squeezed = (text: string): string =>
  text.replace(/ +/g, " ").replace(/-+/g, "-").replace(/ \n/g, "\n");
