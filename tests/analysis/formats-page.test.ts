import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { capability, type Purpose } from "../../src/analysis/formats/capability.ts";
import { exportLabel } from "../../src/analysis/formats/export-label.ts";
import { applyGranularity } from "../../src/analysis/formats/granularity.ts";
import {
  numberName,
  scaleGroup,
  type PairQuantizers,
} from "../../src/analysis/formats/quantizer.ts";
import {
  activationBits,
  bitsPerWeight,
  chargedBits,
  weightStorage,
} from "../../src/analysis/formats/storage.ts";
import { REPOSITORY } from "../engine/support/folder.ts";
import { EXPORT_NAMES, whatServes } from "../../src/analysis/formats/what-serves.ts";
import { GRANULARITIES, PAIRS } from "./configs.ts";

/** The tables of the page that people read; their rows are checked, however they are aligned. */
const page = readFileSync(join(REPOSITORY, "docs/formats.md"), "utf8");

function tableAfter(heading: string): readonly (readonly string[])[] {
  const [, section = ""] = page.split(`## ${heading}\n`);
  const lines = (section.split("\n## ")[0] ?? "").split("\n");
  return lines
    .filter((line) => line.startsWith("| "))
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
    .filter(([first = ""]) => !/^-+$/.test(first));
}

function servedBy(quantizers: PairQuantizers): string {
  const service = whatServes(quantizers);
  return service.by === "vllm" ? EXPORT_NAMES[service.exported] : "no";
}

/** `4.5`, `8.003`: without digits that say nothing. */
const short = (bits: number): string => String(Number(bits.toFixed(3)));

it("says what every pair costs and what can be done with it", () => {
  const matrix = { rows: 2560, columns: 9728 };
  const rows = PAIRS.map(({ name, format_name: format, quantizers }) => {
    const { weight, input } = quantizers;
    const can = (purpose: Purpose): boolean =>
      capability(quantizers, {
        device: { kind: "cuda", capability: null },
        modelopt: "0.47.0",
        purpose,
      }).verdict === "supported";
    const cpu = capability(quantizers, {
      device: { kind: "cpu" },
      modelopt: "0.47.0",
      purpose: "score",
    });
    const storage = weightStorage(weight);
    return [
      `\`${name}\``,
      `\`${format}\``,
      `${numberName(weight)}, a scale a ${scaleGroup(weight)}`,
      short(storage.value),
      short(bitsPerWeight(storage, matrix) - storage.value),
      short(bitsPerWeight(weightStorage(weight, 16), matrix)),
      short(bitsPerWeight(storage, matrix)),
      short(activationBits(input)),
      short(chargedBits(quantizers)),
      cpu.verdict === "supported" ? "yes" : "no",
      can("export") ? (exportLabel(quantizers) ?? "") : "analysis only",
      servedBy(quantizers),
    ];
  });
  expect(tableAfter("Pairs").slice(1)).toEqual(rows);
});

it("says which pairs have which granularity", () => {
  const rows = GRANULARITIES.filter(({ name }) => name !== "default").map((overlay) => {
    const fitting = PAIRS.filter(({ quantizers }) => applyGranularity(quantizers, overlay).ok);
    return [
      `\`${overlay.name}\``,
      `\`${JSON.stringify(overlay.quant_cfg_overrides)}\``,
      fitting.map(({ name }) => name).join(" "),
    ];
  });
  expect(tableAfter("Granularities").slice(1)).toEqual(rows);
});
