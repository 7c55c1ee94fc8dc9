import * as fs from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readConfiguration } from "../../src/host/aqmfile/configuration-reader.ts";
import { Folder, REPOSITORY } from "./support/folder.ts";

const schema = fs.readFileSync(join(REPOSITORY, "conf/schema/scheme.schema.json"), "utf8");
const SEARCH = "search: { measurements: 300, starts: [scores, alone], seed: 42 }";

/** What is wrong with a config of a scheme: message and next step. */
function mistakes(choice: string, search = SEARCH, heldOut = "report"): readonly string[] {
  const yaml = `name: one
scope: lm
size: large
engine: modelopt
candidates: [wint8_aint8]
lm_head: false
choice: ${choice}
${search}
exports: [modelopt]
controls:
  random_plans: 8
  seed: 42
  proven: 1.2
  resamples: 2000
  held_out: ${heldOut}
  batch_size: { lm: 64, all_layers: 16 }
`;
  const folder = new Folder({
    "schema/scheme.schema.json": schema,
    "scheme/one.yaml": yaml,
  });
  const read = readConfiguration({ own: folder.path, defaults: null });
  return read.ok ? [] : read.error.map(({ message, nextStep }) => `${message}. ${nextStep ?? ""}`);
}

describe("the config of a scheme that is searched", () => {
  it.each([
    "{ goal: { kl: 0.01 } }",
    "{ goal: { top1_agreement: 0.99, confidence: 0.9 } }",
    "{ goal: { perplexity_ratio: 1.01 } }",
    "{ goal: { logit_mse: 0.1 } }",
    "{ bits: 6.0 }",
    "{ gigabytes: 4.5 }",
  ])("may choose by %s", (choice) => {
    expect(mistakes(choice)).toEqual([]);
  });

  it.each([
    ["two figures", "{ goal: { kl: 0.01, logit_mse: 0.1 } }", "exactly one of kl"],
    ["no figure", "{ goal: { confidence: 0.9 } }", "exactly one of kl"],
    [
      "a goal with another choice",
      "{ goal: { kl: 0.01 }, bits: 6.0 }",
      "exactly one of top_percent",
    ],
    [
      "a certain interval",
      "{ goal: { kl: 0.01, confidence: 0.991 } }",
      "confidence must be <= 0.99",
    ],
    ["no confidence", "{ goal: { kl: 0.01, confidence: 0 } }", "confidence must be > 0"],
    ["a loss of nothing", "{ goal: { kl: 0 } }", "kl must be > 0"],
    ["a better model", "{ goal: { perplexity_ratio: 0.9 } }", "perplexity_ratio must be >= 1"],
    ["an unknown figure", "{ goal: { bleu: 1 } }", "choice.goal has no key bleu"],
    ["a search of a share", "{ top_percent: 25 }", "leave search out"],
    ["a search of a bit plan", "{ bit_plan: a }", "leave search out"],
  ])("may not ask for %s", (_, choice, said) => {
    expect(mistakes(choice).join("\n")).toContain(said);
  });

  it("names a search where it has a goal, and bounds it", () => {
    const goal = "{ goal: { kl: 0.01 } }";
    expect(mistakes(goal, "").join("\n")).toContain("lacks the key search");
    const search = (text: string): string => mistakes(goal, `search: ${text}`).join("\n");
    expect(search("{ starts: [scores], seed: 1 }")).toContain("lacks the key measurements");
    expect(search("{ measurements: 19, starts: [scores], seed: 1 }")).toContain("must be >= 20");
    expect(search("{ measurements: 20, starts: [], seed: 1 }")).toContain("fewer than 1 items");
    expect(search("{ measurements: 20, starts: [best], seed: 1 }")).toContain("scores, alone");
  });

  it("publishes figures on data that no search has seen", () => {
    expect(mistakes("{ bits: 6.0 }", SEARCH, "confirm").join("\n")).toContain(
      'controls.held_out must be "report". The sets search and confirm drive the search',
    );
    expect(mistakes("{ bits: 6.0 }", "", "confirm")).toEqual([]);
  });
});
