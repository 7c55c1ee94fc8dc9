import type { Input } from "aqm";
import type { Generation } from "aqm/analysis";
import type { Calibration } from "./calibration.ts";
import type {
  AutoquantConfig,
  GranularityConfig,
  ModelConfig,
  OutputLayoutConfig,
  QuantPairConfig,
  Scope,
  Size,
} from "./configs.ts";

/** One cell of the grid of sensitivity analyses: all that decides what is measured, and how. */
export interface SensitivityCell {
  readonly model: ModelConfig;
  readonly checkpoint: Input;
  readonly calibration: Calibration;
  readonly pair: QuantPairConfig;
  readonly granularity: GranularityConfig;
  readonly scope: Scope;
  readonly size: Size;
  readonly autoquant: AutoquantConfig;
  readonly layout: OutputLayoutConfig;
  /** Reports as an earlier generation wrote them, for comparing with published ones. */
  readonly generation?: Generation;
}
