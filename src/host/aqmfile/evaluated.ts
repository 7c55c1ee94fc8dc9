import type { BuildFile } from "../../declare/build.ts";
import type { Graph } from "../../graph/graph.ts";
import type { Looked } from "./python-ops.ts";

/** What an Aqmfile said under some configs: what it declares, and the graph of that. */
export interface Evaluated {
  readonly graph: Graph;
  readonly declared: BuildFile;
  /** Path → signature of the declarations of Python ops that it was held against. */
  readonly looked: Looked;
}
