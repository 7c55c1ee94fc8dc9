import type { Generation } from "aqm/analysis";
import type { GranularityConfig, OutputLayoutConfig, QuantPairConfig } from "./configs.ts";
import type { Engine, Scored } from "./engines/engine.ts";

/** One cell of the grid of sensitivity analyses: all that decides what is measured, and how. */
export interface SensitivityCell extends Scored {
  readonly pair: QuantPairConfig;
  readonly granularity: GranularityConfig;
  readonly engine: Engine;
  readonly layout: OutputLayoutConfig;
  /** Only where it is false: a model of another kind, which no scheme, export and server here knows. */
  readonly languageModel?: false;
  /** Reports as an earlier generation wrote them, for comparing with published ones. */
  readonly generation?: Generation;
}
