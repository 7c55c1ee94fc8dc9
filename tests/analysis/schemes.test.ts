import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkpointGroups } from "../../src/analysis/schemes/checkpoint-groups.ts";
import type { PlanToTake } from "../../src/analysis/schemes/choice.ts";
import { chooseScheme } from "../../src/analysis/schemes/choose-scheme.ts";
import { schemePlans } from "../../src/analysis/schemes/scheme-plans.ts";
import type { Scheme } from "../../src/analysis/schemes/scheme.ts";
import { topGroups } from "../../src/analysis/schemes/top-groups.ts";
import type { BitProblem } from "../../src/analysis/solve/problem.ts";
import { pair } from "./configs.ts";
import { expectFailure, expectValue } from "./figures.ts";
import { FOUR, request, schemeOf, tensorsOf, trainedShapes } from "./scheme-problems.ts";

const quantized = ({ layers }: Scheme): readonly string[] =>
  layers.filter(({ format }) => format !== "NONE").map(({ group }) => group);

const down = (block: number): string => `model.language_model.layers.${block}.mlp.down_proj`;

describe("a share of the layers", () => {
  const ranked = fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 40 });

  it("is the first groups of the ranking, at least one, and equals stay in module order", () => {
    fc.assert(
      fc.property(ranked, fc.integer({ min: 1, max: 100 }), (scores, percent) => {
        const groups = scores.map((importance, index) => ({ name: String(index), importance }));
        const { selected, others } = topGroups(groups, percent, false);
        expect([...selected, ...others].map(Number)).toEqual(
          scores.map((_, g) => g).sort((a, b) => (scores[a] ?? 0) - (scores[b] ?? 0) || a - b),
        );
        // No fewer than the share, and one group less would be fewer.
        expect(selected.length * 100).toBeGreaterThanOrEqual(
          Math.min(percent * scores.length, 100),
        );
        expect((selected.length - 1) * 100).toBeLessThan(percent * scores.length);
        expect(selected.length).toBeGreaterThanOrEqual(1);
        const opposite = topGroups(groups, percent, true);
        expect(opposite.selected).toEqual(
          [...selected, ...others].reverse().slice(0, selected.length),
        );
      }),
    );
  });

  it("counts as the original did", () => {
    const groups = Array.from({ length: 275 }, (_, g) => ({ name: String(g), importance: g }));
    const counts = [10, 20, 30, 40, 50, 60, 70, 80, 90, 100].map(
      (percent) => topGroups(groups, percent, false).selected.length,
    );
    expect(counts).toEqual([28, 55, 83, 110, 138, 165, 193, 220, 248, 275]);
  });

  it("leaves the output layer out unless it is asked for: it counts as no layer", () => {
    const { problem, model } = schemeOf(FOUR, ["wfp8_afp8"]);
    const scheme = (lmHead: boolean, percent: number) =>
      expectValue(chooseScheme(request({ top_percent: percent }, { lmHead }), problem, model))
        .scheme;
    // The least sensitive of all is lm_head, which leaked into the original's top 10.
    expect(quantized(scheme(false, 10))).toEqual([down(1)]);
    expect(quantized(scheme(true, 10))).toEqual(["lm_head"]);
    expect(quantized(scheme(false, 100))).toEqual([down(0), down(1), down(2)]);
    expect(scheme(false, 100).achieved).toMatchObject({ groups: 3, quantized_groups: 3, score: 6 });
    expect(scheme(true, 100).achieved.groups).toBe(4);
  });

  it("names what no server takes quantized, and does not count it", () => {
    const { problem, model } = schemeOf(FOUR, ["wfp8_afp8"]);
    const { scheme, planned } = expectValue(
      chooseScheme(request({ top_percent: 100 }), problem, model),
    );
    expect(scheme.dropped).toEqual([
      {
        group: "model.visual.patch_embed.proj",
        candidate: "wfp8_afp8",
        because: expect.stringContaining("convolutions") as string,
      },
    ]);
    // Plans name it all the same, since they have to name every layer of the scope.
    expect(planned.map(({ name }) => name)).toEqual(Object.keys(FOUR).slice(0, 4).toSorted());
  });

  it("is refused where a chosen layer's blocks do not fit, and only there", () => {
    const { problem, model } = schemeOf(FOUR, ["wint4_afp16"]);
    const choose = (choice: Parameters<typeof request>[0]) =>
      chooseScheme(request(choice), problem, model);
    const failure = expectFailure(choose({ top_percent: 30 }));
    expect(failure.reason).toBe("not_exportable");
    expect(failure.message).toContain(`${down(1)}: blocks of 128 do not divide its 200 columns`);
    const opposite = choose({ top_percent: 30, most_sensitive: true });
    expect(quantized(expectValue(opposite).scheme)).toEqual([down(0)]);
    expect(expectFailure(choose({ everywhere: "wint4_afp16" })).reason).toBe("not_exportable");
  });
});

describe("a budget", () => {
  const SIZES = [128, 200, 256];
  const layer = fc.record({
    columns: fc.constantFrom(...SIZES),
    rows: fc.integer({ min: 1, max: 4 }).map((rows) => 2 * rows),
    scores: fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 9 })),
  });
  const models = fc.array(layer, { minLength: 1, maxLength: 5 });
  const PAIRS = ["wint4_afp16", "wint8_afp16"];

  /** The forms of docs/schemes.md, written again: bytes of a layer, or null where it cannot be had. */
  function bytesOf(format: string, rows: number, columns: number): number | null {
    if (format === "NONE") return 2 * rows * columns;
    const [bits, block] = format === "wint4_afp16" ? [4, 128] : [8, columns];
    if (columns % block !== 0) return null;
    const packed = 4 * rows * Math.ceil(columns / (32 / bits)) + 2 * rows * (columns / block) + 16;
    if (format === "wint4_afp16") {
      const modelopt = (rows * columns) / 2 + 4 * rows * (columns / 128);
      return Math.max(packed, modelopt);
    }
    return Math.max(packed, rows * columns + 4 * rows);
  }

  it("in gigabytes gives the best plan of all whose checkpoint is small enough", () => {
    fc.assert(
      fc.property(models, fc.double({ min: 0, max: 1, noNaN: true }), (layers, share) => {
        const named = Object.fromEntries(
          layers.map(({ rows, columns, scores }, g) => [
            down(g),
            { shape: [rows, columns], scores },
          ]),
        );
        const { problem, model } = schemeOf(named, PAIRS, ["compressed_tensors", "modelopt"]);
        const formats = [...PAIRS, "NONE"];
        const fixed = 2 * 80;
        let plans = [{ bytes: fixed, score: 0, none: true }];
        for (const { rows, columns, scores } of layers) {
          plans = plans.flatMap((plan) =>
            formats.flatMap((format, f) => {
              const bytes = bytesOf(format, rows, columns);
              if (bytes === null) return [];
              const score = plan.score + (scores[f] ?? 0);
              return [{ bytes: plan.bytes + bytes, score, none: plan.none && format === "NONE" }];
            }),
          );
        }
        const smallest = Math.min(...plans.map(({ bytes }) => bytes));
        const budget = Math.round(smallest * 0.9 + share * (model.tensors.bytes - smallest * 0.9));
        const within = plans.filter(({ bytes }) => bytes <= budget);
        const least = Math.min(...within.map(({ score }) => score));
        const chosen = chooseScheme(request({ gigabytes: budget / 1e9 }), problem, model);
        if (within.length === 0) {
          expect(expectFailure(chosen).reason).toBe("budget_unmet");
        } else if (!chosen.ok) {
          expect(chosen.error.reason).toBe("invalid_budget");
          expect(within.filter(({ score }) => score === least).some(({ none }) => none)).toBe(true);
        } else {
          const { achieved, exports } = chosen.value.scheme;
          expect(achieved.score).toBe(least);
          for (const { bytes } of exports) expect(bytes).toBeLessThanOrEqual(budget);
        }
      }),
    );
  });

  it("drops candidates whose blocks do not fit, and names them", () => {
    const { problem, model } = schemeOf(FOUR, PAIRS);
    const { scheme } = expectValue(chooseScheme(request({ bits: 6 }), problem, model));
    expect(scheme.layers.find(({ group }) => group === down(1))?.format).toBe("wint8_afp16");
    expect(scheme.dropped).toContainEqual({
      group: down(1),
      candidate: "wint4_afp16",
      because: "blocks of 128 do not divide its 200 columns",
    });
    expect(scheme.achieved.bits).toBeLessThanOrEqual(6);
  });

  it("that cannot be met says what can", () => {
    const { problem, model } = schemeOf(FOUR, PAIRS);
    const choose = (choice: Parameters<typeof request>[0]) =>
      chooseScheme(request(choice), problem, model);
    for (const [unit, impossible] of [
      ["bits", 1],
      ["gigabytes", 1e-9],
    ] as const) {
      const choice = (value: number) => (unit === "bits" ? { bits: value } : { gigabytes: value });
      const failure = expectFailure(choose(choice(impossible)));
      expect(failure.reason).toBe("budget_unmet");
      const [, least = ""] = /Ask for (\S+) to/.exec(failure.message) ?? [];
      expect(choose(choice(Number(least))).ok).toBe(true);
      expect(choose(choice(Number(least) * 0.999)).ok).toBe(false);
    }
    expect(expectFailure(choose({ gigabytes: 1 })).reason).toBe("invalid_budget");
    expect(expectFailure(choose({ bits: 16 })).message).toContain("nothing to export");
  });
});

describe("a bit plan as a scheme", () => {
  const PAIRS = ["wint4_afp16", "wint8_afp16"];
  const planned = (lmHead: boolean, rules: PlanToTake["request"]["rules"] = []) => {
    const { problem, model } = schemeOf(FOUR, PAIRS);
    const plan: PlanToTake = {
      counted: problem,
      request: { budget: { bits: 12 }, rules, families: [] },
      settings: { search: "exact", scores: "raw", count: "stored" },
      candidates: model.candidates,
    };
    return chooseScheme(request({ bit_plan: "some" }, { plan, lmHead }), problem, model);
  };
  const formatAt = (scheme: Scheme, group: string) =>
    scheme.layers.find((layer) => layer.group === group)?.format;

  it("keeps the plan's rules, and leaves out what a checkpoint cannot hold", () => {
    const { scheme } = expectValue(
      planned(true, [{ layers: [down(0)], formats: ["wint4_afp16"] }]),
    );
    expect(formatAt(scheme, down(0))).toBe("wint4_afp16");
    expect(scheme.dropped.map(({ group, candidate }) => [group, candidate])).toContainEqual([
      down(1),
      "wint4_afp16",
    ]);
  });

  it("leaves the output layer alone unless the scheme says otherwise", () => {
    const rule = [{ layers: ["lm_head"], formats: ["wint8_afp16", "NONE"] }];
    expect(formatAt(expectValue(planned(false, rule)).scheme, "lm_head")).toBe("NONE");
    const forced = [{ layers: ["lm_head"], formats: ["wint8_afp16"] }];
    expect(formatAt(expectValue(planned(true, forced)).scheme, "lm_head")).toBe("wint8_afp16");
    expect(expectFailure(planned(false, forced)).reason).toBe("constraint_unmet");
  });
});

describe("the layer groups of a checkpoint, without scores", () => {
  const candidate = { name: "wfp8_afp8", quantizers: pair("wfp8_afp8").quantizers };

  it("are those of the engines: fused layers share a format, embeddings are none", () => {
    const tensors = tensorsOf(trainedShapes(), "F32");
    const { groups } = expectValue(checkpointGroups(tensors, "lm", candidate));
    const open = groups.filter(({ candidates }) => candidates.length > 1);
    expect(groups).toHaveLength(34);
    expect(open.map(({ name, modules = [] }) => [name, modules.length]).slice(0, 4)).toEqual([
      ["model.language_model.layers.0.mlp.down_proj", 1],
      ["model.language_model.layers.0.mlp.gate_proj", 2],
      ["model.language_model.layers.0.self_attn.q_proj", 3],
      ["model.language_model.layers.0.self_attn.o_proj", 1],
    ]);
    expect(open.at(-1)?.name).toBe("lm_head");
  });

  it("give the plan of all layers by scores, byte for byte", () => {
    const tensors = tensorsOf(trainedShapes(), "F32");
    const model = { tensors, candidates: [candidate], exports: ["modelopt"] as const };
    const own = expectValue(checkpointGroups(tensors, "lm", candidate));
    // As an engine has them: in the order of modules, with scores.
    const scored: BitProblem = {
      groups: own.groups.toReversed().map((group, g) => ({
        ...group,
        candidates: group.candidates.map((of) => ({ ...of, score: of.score + g })),
      })),
    };
    const planOf = (all: BitProblem, choice: Parameters<typeof request>[0]) => {
      const chosen = expectValue(chooseScheme(request(choice), all, model));
      return expectValue(schemePlans(chosen, null)).plans.get("scheme");
    };
    expect(planOf(scored, { top_percent: 100 })).toBe(planOf(own, { everywhere: "wfp8_afp8" }));
  });

  it("have the names of the model where a file has older ones", () => {
    const older = {
      "model.embed_tokens.weight": [10, 8],
      "model.layers.0.mlp.down_proj.weight": [8, 16],
      "visual.blocks.0.attn.qkv.weight": [24, 8],
    };
    const { groups } = expectValue(checkpointGroups(tensorsOf(older), "all_layers", candidate));
    expect(groups.map(({ name, weights }) => [name, weights])).toEqual([
      ["model.visual.blocks.0.attn.qkv", 192],
      [down(0), 128],
      // It shares the embedding's weight.
      ["lm_head", 80],
    ]);
  });

  it("have the experts of a block as one, by either name, and leave out what chooses experts", () => {
    const mixtral = Object.fromEntries(
      [0, 1].flatMap((expert) =>
        (["w1", "w2", "w3"] as const).map((role) => [
          `model.layers.0.block_sparse_moe.experts.${expert}.${role}.weight`,
          role === "w2" ? [8, 16] : [16, 8],
        ]),
      ),
    );
    const files = {
      ...mixtral,
      "model.layers.0.block_sparse_moe.gate.weight": [2, 8],
      "model.layers.1.mlp.experts.0.gate_proj.weight": [16, 8],
      "model.layers.1.mlp.experts.0.up_proj.weight": [16, 8],
      "model.layers.1.mlp.experts.0.down_proj.weight": [8, 16],
      "model.layers.1.mlp.gate.weight": [2, 8],
      "model.layers.1.self_attn.qkv_proj.weight": [24, 8],
    };
    const tensors = tensorsOf(files);
    const all = expectValue(checkpointGroups(tensors, "lm", candidate));
    expect(all.groups.map(({ name, weights }) => [name, weights])).toEqual([
      ["model.layers.0.mlp.experts", 2 * 3 * 128],
      ["model.layers.1.mlp.experts", 3 * 128],
      ["model.layers.1.self_attn.qkv_proj", 192],
    ]);
    const model = { tensors, candidates: [candidate], exports: ["modelopt"] as const };
    const chosen = expectValue(chooseScheme(request({ everywhere: "wfp8_afp8" }), all, model));
    // Two scales of four bytes for each layer of each expert, beside a byte a weight.
    const layers = 2 * 3 + 3 + 1;
    expect(chosen.scheme.achieved.bytes).toBe(9 * 128 + 192 + 8 * layers + 2 * 16 * 2);
  });

  it("have the names of the model where its parts stand apart in a file", () => {
    const llava = {
      "language_model.model.embed_tokens.weight": [10, 8],
      "language_model.model.layers.0.mlp.down_proj.weight": [8, 16],
      "language_model.lm_head.weight": [10, 8],
      "multi_modal_projector.linear_1.weight": [8, 8],
      "vision_tower.vision_model.encoder.layers.0.mlp.fc1.weight": [16, 8],
    };
    const { groups } = expectValue(checkpointGroups(tensorsOf(llava), "lm", candidate));
    expect(groups.map(({ name, candidates }) => [name, candidates.length])).toEqual([
      ["model.multi_modal_projector.linear_1", 1],
      ["model.vision_tower.vision_model.encoder.layers.0.mlp.fc1", 1],
      [down(0), 2],
      ["lm_head", 2],
    ]);
  });
});
