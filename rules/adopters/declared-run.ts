import type { WantedAction } from "aqm";
import type { Scope } from "../configs.ts";
import type { ManifestParams } from "../ops/manifest.ts";

/** One declared analysis, as far as its two costly results are concerned. */
export interface DeclaredRun {
  /** What measures its scores. */
  readonly engine: string;
  readonly scoresTarget: string;
  readonly manifestTarget: string;
  readonly scope: Scope;
  /** Weight and activation type, as the folder says them. */
  readonly weight: string;
  readonly activation: string;
  /** Name of the folder level between pair and run; null where there is none. */
  readonly granularity: string | null;
  readonly manifest: ManifestParams;
  readonly scores: Readonly<Record<string, unknown>>;
  /** What an earlier analysis may call the model: its place here, its id on a hub. */
  readonly models: readonly string[];
  /** Name of the format that is scored. */
  readonly format: string;
}

/** The engine of every op that writes a score document. */
const ENGINES: Readonly<Record<string, string>> = {
  sensitivity_scores: "modelopt",
  weight_error_scores: "weight_error",
  inc_scores: "inc",
  autoround_scores: "autoround",
};

/** Finds the pairs of actions that `sensitivity` declares. */
export function declaredRuns(actions: readonly WantedAction[]): readonly DeclaredRun[] {
  const byTarget = new Map(actions.map((action) => [action.target, action]));
  return actions.flatMap((action) => {
    if (action.op !== "aqm/rules/ops/manifest.ts") return [];
    const scores = byTarget.get(action.inputs["scores"]?.producer ?? "");
    if (scores === undefined) return [];
    const folders = action.target.split("/");
    const pair = folders.findIndex((part) => PAIR_FOLDER.test(part));
    const [, weight = "", activation = ""] = PAIR_FOLDER.exec(folders[pair] ?? "") ?? [];
    const { format, scope } = scores.params as {
      readonly format?: { readonly name?: string };
      readonly scope?: Scope;
    };
    return [
      {
        engine: ENGINES[scores.op] ?? scores.op,
        scoresTarget: scores.target,
        manifestTarget: action.target,
        scope: scope ?? "lm",
        weight,
        activation,
        // weight-…-act-…/<granularity>/<run>/<file>
        granularity: folders.length - pair > 3 ? (folders[pair + 1] ?? null) : null,
        manifest: action.params as unknown as ManifestParams,
        scores: scores.params,
        models: modelNames(action.params as unknown as ManifestParams, scores, byTarget),
        format: format?.name ?? "",
      },
    ];
  });
}

/** A checkpoint that is placed has its hub id as an alias; one that is fetched, as a param of what fetches it. */
function modelNames(
  { model_id }: ManifestParams,
  { inputs }: WantedAction,
  byTarget: ReadonlyMap<string, WantedAction>,
): readonly string[] {
  const { producer = null, alias } = inputs["checkpoint"] ?? {};
  const hub = producer === null ? undefined : byTarget.get(producer)?.params["hub"];
  return [model_id, ...[alias, hub].filter((name) => typeof name === "string")];
}

export const PAIR_FOLDER = /^weight-([a-z0-9]+)-act-([a-z0-9]+)$/;
