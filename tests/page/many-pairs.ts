import { buildManifest } from "../../src/analysis/manifest/build-manifest.ts";
import type { PairQuantizers } from "../../src/analysis/formats/quantizer.ts";
import type { Manifest } from "../../src/analysis/manifest/manifest.ts";
import type { PageAnalysis } from "../../src/analysis/page/page-model.ts";
import type { ScoreGroup, Scores } from "../../src/analysis/scores/scores.ts";

/** What one format costs and how much worse it is than the mildest, by the folder names of its halves. */
const WEIGHTS = { wfp4: [4.5, 40], wfp8: [8, 1], wint4: [4, 90], wint8: [8, 0.6] } as const;
const ACTIVATIONS = { afp16: 0, afp8: 2, aint8: 30, aint4: 4000 } as const;

const PAIRS: readonly string[] = Object.keys(WEIGHTS).flatMap((weight) =>
  Object.keys(ACTIVATIONS).map((activation) => `${weight}_${activation}`),
);

/** Groups of the shape of Qwen2.5-VL-3B, all layers: 276 of them. */
function shapes(): readonly (Pick<ScoreGroup, "name" | "modules" | "weights"> & {
  base: number;
})[] {
  const group = (path: string, members: readonly string[], weights: number, base: number) => {
    const folder = path.slice(0, path.lastIndexOf(".") + 1);
    const modules = members.length === 0 ? [path] : members.map((name) => folder + name);
    return { name: path, modules, weights, base };
  };
  const vision = Array.from({ length: 32 }, (_, block) => {
    const at = `model.visual.blocks.${block}`;
    const early = 2 ** (-block / 5);
    return [
      group(`${at}.attn.qkv`, [], 3 * 1280 * 1280, 3e-3 * early),
      group(`${at}.attn.proj`, [], 1280 * 1280, 2e-3 * early),
      group(`${at}.mlp.gate_proj`, ["gate_proj", "up_proj"], 2 * 1280 * 3420, 8e-3 * early),
      group(`${at}.mlp.down_proj`, [], 1280 * 3420, 4e-2 * early),
    ];
  });
  const language = Array.from({ length: 36 }, (_, block) => {
    const at = `model.language_model.layers.${block}`;
    const late = 1 + (block / 12) ** 2;
    return [
      group(`${at}.self_attn.q_proj`, ["q_proj", "k_proj", "v_proj"], 2048 * 2560, 2e-4 * late),
      group(`${at}.self_attn.o_proj`, [], 2048 * 2048, 4e-5 * late),
      group(`${at}.mlp.gate_proj`, ["gate_proj", "up_proj"], 2 * 2048 * 11008, 1e-3 * late),
      group(`${at}.mlp.down_proj`, [], 2048 * 11008, block === 2 ? 1 : 2e-3 * late),
    ];
  });
  return [
    group("model.visual.patch_embed.proj", [], 1280 * 1176, 5e-3),
    ...vision.flat(),
    group("model.visual.merger.mlp.0", [], 5120 * 5120, 4e-4),
    group("model.visual.merger.mlp.2", [], 5120 * 2048, 2e-4),
    ...language.flat(),
    group("lm_head", [], 151936 * 2048, 6e-3),
  ];
}

/** The same numbers everywhere, for the same seed. */
function randomness(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface ManyPairs {
  readonly pairs?: readonly string[];
  /** Layers that stay at 16 bits. */
  readonly keep?: (name: string) => boolean;
  /** Layers that the model has; all 276 if left out. */
  readonly only?: (name: string) => boolean;
  readonly effectiveBits?: number;
  /** What a pair does; not said if left out. */
  readonly quantizers?: (pair: string) => PairQuantizers;
}

/** Analyses of a model of 276 layer groups with made-up scores that look like measured ones. */
export function manyPairs({
  pairs = PAIRS,
  keep = () => false,
  only = () => true,
  effectiveBits = 6,
  quantizers,
}: ManyPairs = {}): readonly [PageAnalysis, ...PageAnalysis[]] {
  const random = randomness(42);
  const groups = shapes().filter(({ name }) => only(name));
  const own = groups.map(() => Math.exp((random() + random() + random() - 1.5) * 1.6));
  const analyses = pairs.map((pair): PageAnalysis => {
    const [weight = "", activation = ""] = pair.split("_");
    const [bits, worse] = WEIGHTS[weight as keyof typeof WEIGHTS];
    const added = ACTIVATIONS[activation as keyof typeof ACTIVATIONS];
    const scores: Scores = {
      engine: "modelopt",
      format: { name: `${pair.toUpperCase()}_CFG`, bits, config: new Map() },
      method: "gradient",
      scope: "all_layers",
      measured: {
        calibrationSamples: 128,
        calibrationBatches: 128,
        scoreSamples: 128,
        scoreBatches: 128,
        scoreTokens: 9984,
        batchSize: 1,
        sequenceLength: 512,
      },
      environment: new Map([["torch", "2.11.0"]]),
      groups: groups.map(({ base, ...group }, g) => {
        const enabled = !keep(group.name);
        const noise = 0.7 + 0.6 * random();
        const outliers = /down_proj/.test(group.name) ? 4 : 1;
        const score = base * (own[g] ?? 1) * noise * (worse + added * outliers) * 1e-3;
        return { ...group, enabled, score: enabled ? score : 0, executions: enabled ? 128 : 0 };
      }),
      modules: groups.flatMap(({ modules }) =>
        modules.map((name) => ({ name, type: "QuantLinear" })),
      ),
    };
    const manifest = manifestOf(pair, scores, effectiveBits);
    const known = quantizers === undefined ? {} : { quantizers: quantizers(pair) };
    return { name: pair, manifest, scores, ...known };
  });
  const [first, ...others] = analyses;
  if (first === undefined) throw new Error("no pairs were asked for");
  return [first, ...others];
}

function manifestOf(pair: string, scores: Scores, effectiveBits: number): Manifest {
  const made = buildManifest({
    scores,
    scheme: { name: `${pair}_autoquant_all_layers`, effectiveBits, scoreSize: 128 },
    modelId: "models/made_up",
    dataset: {
      name: "made_up",
      size: "medium",
      root: null,
      source: {
        kind: "vlm_calib_db",
        path: "datasets/made_up_images_and_texts/vlm_calib_medium.db",
      },
      maxCalibSamples: 128,
    },
  });
  if (!made.ok) throw new Error(made.error.message);
  return made.value;
}
