import type { AnswersDocument } from "../../src/analysis/evaluation/answers-document.ts";
import type { EvaluationSource } from "../../src/analysis/evaluation/evaluate.ts";
import type { Answer } from "../../src/analysis/evaluation/evaluation.ts";
import { madeScheme, qualityOf } from "./scheme-material.ts";

/** An answer of the given tokens, each of which is a text. */
const answer = (pieces: readonly string[], different: readonly number[], ended = true): Answer => ({
  tokens: pieces.map((_, n) => 100 + n),
  pieces,
  text: (ended ? pieces.slice(0, -1) : pieces).join(""),
  ended,
  different,
});

const END = "<|im_end|>";

export const madeAnswers: AnswersDocument = {
  scope: "lm",
  max_new_tokens: 64,
  answers: [
    {
      prompt: "Name a *colour*.",
      image: null,
      unquantized: answer(["Red", ".", END], []),
      scheme: answer(["Red", ".", END], []),
      first_difference: null,
    },
    {
      prompt: "Describe the image.",
      image: "val2017/000000000001.jpg",
      unquantized: answer(["A", " small", " black", " sq", "uare", ".", END], [1, 2]),
      scheme: answer(["A", " large", " <b>", " sq", "uare", "."], [1, 2], false),
      first_difference: 1,
    },
  ],
};

/** Of a made-up scheme of six groups in FP8. */
export function madeSource(change: Partial<EvaluationSource> = {}): EvaluationSource {
  const made = madeScheme("top50", 6);
  const { measured } = made.source;
  return {
    scheme: made.scheme,
    quality: qualityOf(made),
    measured,
    leaked: { ...measured, leaked: true },
    answers: madeAnswers,
    sizes: {
      unquantized_bytes: 4_000_000,
      exports: [{ format: "modelopt", predicted_bytes: 3_000_000, found_bytes: null }],
    },
    speed: [{ format: "modelopt", measured: null, not_measured: "nobody | asked" }],
    ...change,
  };
}
