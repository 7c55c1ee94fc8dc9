import {
  action,
  committed,
  configuration,
  configurationNames,
  typescriptOp,
  type Declared,
} from "aqm";
import type { QuantPairConfig } from "./configs.ts";

const pageOp = typescriptOp<typeof import("./ops/formats-page.ts")>(
  "aqm/rules/ops/formats-page.ts",
);

/** One page of all pairs: what vLLM said of each, in both export formats. It depends on no model. */
export function formatsPage(path: string): Declared {
  const pairs = configurationNames("quant_pair").map((name) => {
    const { quantizers } = configuration<QuantPairConfig>("quant_pair", name);
    return { name, quantizers };
  });
  return action({
    op: pageOp,
    params: { pairs },
    inputs: {},
    outputs: { page: committed(path) },
  });
}
