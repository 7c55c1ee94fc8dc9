import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import type { Granularity } from "../../src/analysis/formats/granularity.ts";
import type { QuantPairConfig } from "../../rules/configs.ts";
import { REPOSITORY } from "../engine/support/folder.ts";

function configsOf<T extends { name: string }>(group: string): readonly T[] {
  const folder = join(REPOSITORY, "conf", group);
  return readdirSync(folder)
    .sort()
    .map((file) => {
      const config = parse(readFileSync(join(folder, file), "utf8")) as T;
      if (`${config.name}.yaml` !== file) throw new Error(`${file} calls itself ${config.name}`);
      return config;
    });
}

/** What conf/ really says. */
export const PAIRS = configsOf<QuantPairConfig>("quant_pair");
export const GRANULARITIES = configsOf<Granularity>("granularity");

const byName = <T extends { name: string }>(all: readonly T[], name: string): T => {
  const found = all.find((item) => item.name === name);
  if (found === undefined) throw new Error(`there is no ${name}`);
  return found;
};
export const pair = (name: string): QuantPairConfig => byName(PAIRS, name);
export const granularity = (name: string): Granularity => byName(GRANULARITIES, name);
