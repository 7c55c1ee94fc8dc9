import { describe, expect, it } from "vitest";
import { readAnswers } from "../../src/analysis/evaluation/answers-document.ts";
import { evaluate } from "../../src/analysis/evaluation/evaluate.ts";
import { evaluationJson, readEvaluation } from "../../src/analysis/evaluation/evaluation-json.ts";
import { evaluationMarkdown } from "../../src/analysis/evaluation/evaluation-markdown.ts";
import { LEAKED } from "../../src/analysis/evaluation/evaluation.ts";
import { sameAnswers, sideBySide } from "../../src/analysis/evaluation/side-by-side.ts";
import { timed } from "../../src/analysis/evaluation/timed.ts";
import { madeAnswers, madeSource } from "./evaluation-material.ts";
import { expectFailure, expectValue } from "./figures.ts";
import { madeStatus } from "./scheme-material.ts";

const evaluation = expectValue(evaluate(madeSource()));

/** The document as JSON, with another mark on its figures of one set. */
function marked(at: number, mark: { readonly leaked?: boolean; readonly note?: string | null }) {
  const figures = evaluation.figures.map((of, n) => (n === at ? { ...of, ...mark } : of));
  return evaluationJson({ ...evaluation, figures } as typeof evaluation);
}

describe("an evaluation", () => {
  it("is read back as it was written", () => {
    expect(expectValue(readEvaluation(evaluationJson(evaluation)))).toEqual(evaluation);
  });

  it("has all figures of both sets, and marks the leaked one in the document and in each heading", () => {
    const marks = evaluation.figures.map(({ set, leaked, note }) => ({ set, leaked, note }));
    expect(marks).toEqual([
      { set: "report", leaked: false, note: null },
      { set: "evaluation", leaked: true, note: LEAKED },
    ]);
    const markdown = evaluationMarkdown(evaluation);
    const headings = markdown.split("\n").filter((line) => line.startsWith("| Figure"));
    expect(headings).toEqual([
      "| Figure (95 % interval) | Unquantized, report | Scheme, report | Unquantized, evaluation (leaked) | Scheme, evaluation (leaked) |",
    ]);
    expect(markdown).toContain(LEAKED);
    // What stands first is of the set that nothing leaked into.
    expect(markdown.slice(0, markdown.indexOf("## Figures"))).not.toContain("evaluation (leaked)");
  });

  it("cannot lose the mark: a document that lacks it, or bears a false one, is refused", () => {
    const { measured } = madeSource();
    const reasonOf = (source: Parameters<typeof madeSource>[0]) =>
      expectFailure(evaluate(madeSource(source))).reason;
    expect(reasonOf({ leaked: measured })).toBe("leaked_data");
    expect(reasonOf({ measured: { ...measured, leaked: true } })).toBe("leaked_data");
    const unmarked = marked(1, { leaked: false });
    expect(expectFailure(readEvaluation(unmarked)).reason).toBe("leaked_data");
    const silent = marked(1, { note: null });
    expect(expectFailure(readEvaluation(silent)).reason).toBe("leaked_data");
    const wrong = marked(0, { note: LEAKED });
    expect(expectFailure(readEvaluation(wrong)).reason).toBe("leaked_data");
  });

  it("without such a set has the held-out figures alone", () => {
    const alone = expectValue(evaluate(madeSource({ leaked: null })));
    expect(alone.figures.map(({ set }) => set)).toEqual(["report"]);
  });

  it("is refused where its parts are not of one scheme, or of measurements without all figures", () => {
    const source = madeSource();
    const [plan] = source.measured.plans;
    if (plan === undefined) throw new Error("it has one");
    const other = { ...source.quality.figures, kl: { value: 9, low: 8, high: 10 } };
    const cases = [
      { quality: { ...source.quality, figures: other } },
      { answers: { ...madeAnswers, scope: "all_layers" as const } },
      { measured: { ...source.measured, plans: [{ ...plan, further: undefined }] } },
    ];
    expect(cases.map((change) => expectFailure(evaluate(madeSource(change))).reason)).toEqual([
      "figures_disagree",
      "basis_differs",
      "wrong_structure",
    ]);
  });
});

describe("answers side by side", () => {
  it("are runs of tokens that both have or only one has; the end is shown where it differs", () => {
    const [same, other] = sideBySide(madeAnswers.answers);
    expect(same).toMatchObject({ same: true, first: null, scheme: [{ text: "Red." }] });
    expect(other).toEqual({
      prompt: "Describe the image.",
      image: "val2017/000000000001.jpg",
      same: false,
      unquantized: [
        { text: "A", differs: false },
        { text: " small black", differs: true },
        { text: " square.", differs: false },
      ],
      scheme: [
        { text: "A", differs: false },
        { text: " large <b>", differs: true },
        { text: " square.…", differs: false },
      ],
      first: "token 2 of 7",
      different: { unquantized: 2, scheme: 2 },
    });
    const [, answered] = madeAnswers.answers;
    if (answered === undefined) throw new Error("it is there");
    const ends = { ...answered.unquantized, different: [6] };
    expect(sideBySide([{ ...answered, unquantized: ends }])[0]?.unquantized.at(-1)).toEqual({
      text: "⟨end⟩",
      differs: true,
    });
    expect(sameAnswers(madeAnswers.answers)).toBe(1);
  });

  it("stand in Markdown with what differs in bold, and markup of models as text", () => {
    const markdown = evaluationMarkdown(evaluation);
    expect(markdown).toContain("A <b>small black</b> square. | A <b>large &lt;b></b> square.… |");
    expect(markdown).toContain("| Name a \\*colour\\*. | Red. | Red. | – | 0 |");
    expect(markdown).toContain("1 of 2 are the same in every token");
    expect(markdown).toContain("nobody \\| asked");
  });
});

describe("a document of answers", () => {
  const answer = { tokens: [5, 2], pieces: ["a", "<|im_end|>"], text: "a", ended: true };
  const document = (change: object = {}): string =>
    JSON.stringify({
      schema: 1,
      op: "plan_answers",
      scope: "lm",
      settings: { max_new_tokens: 8, decoding: "greedy" },
      prompts: [{ prompt: "x", image: null }],
      unquantized: [answer],
      plans: [
        {
          name: "plan",
          answers: [
            { ...answer, first_difference: null, different: { unquantized: [], plan: [] } },
          ],
        },
      ],
      ...change,
    });

  it("is read", () => {
    const same = { ...answer, different: [] };
    expect(expectValue(readAnswers(document()))).toEqual({
      scope: "lm",
      max_new_tokens: 8,
      answers: [
        { prompt: "x", image: null, unquantized: same, scheme: same, first_difference: null },
      ],
    });
  });

  it("is refused where answers are missing, or name places that they do not have", () => {
    const fewer = expectFailure(readAnswers(document({ unquantized: [] })));
    expect(fewer.message).toContain("unquantized has 0 answers to 1 prompts");
    const different = { unquantized: [], plan: [7] };
    const answers = [{ ...answer, first_difference: 1, different }];
    const plans = [{ name: "plan", answers }];
    expect(expectFailure(readAnswers(document({ plans }))).where).toBe("different");
    expect(expectFailure(readAnswers(document({ plans: [] }))).where).toBe("plans");
    expect(expectFailure(readAnswers(document({ schema: 2 }))).reason).toBe("unsupported_schema");
  });
});

describe("times", () => {
  const speed = {
    prompt_tokens: 512,
    new_tokens: 64,
    prefill_ms: 12.34,
    decode_ms: 5.678,
    peak_bytes: 9e9,
    cache_bytes: 1e9,
  };
  const of = { format: "modelopt", device: "cuda", target: "serving/x.json" } as const;

  it("come from a server's status alone, else it is said why there are none", () => {
    const status = madeStatus({ word: "serves", speed });
    expect(timed({ ...of, status })).toMatchObject({ measured: speed, not_measured: null });
    const why = [
      { ...of, device: "cpu" as const, status: null },
      { ...of, target: null, status: null },
      { ...of, status: null },
      { ...of, status: madeStatus({ word: "serves" }) },
      { ...of, status: madeStatus({ word: "rejected", reason: "no kernel" }) },
    ].map((served) => timed(served).not_measured);
    expect(why).toEqual([
      "the model's device is a CPU, and a server is timed on a GPU alone",
      "no serving check on a GPU is declared for this export",
      "vLLM was not asked yet: aqm build serving/x.json",
      "the status has no times: aqm build serving/x.json",
      "vLLM did not serve it (rejected: no kernel)",
    ]);
  });

  it("are read back and shown", () => {
    const measured = { format: "modelopt" as const, measured: speed, not_measured: null };
    const timedOne = { ...evaluation, speed: [measured] };
    expect(expectValue(readEvaluation(evaluationJson(timedOne)))).toEqual(timedOne);
    expect(evaluationMarkdown(timedOne)).toContain(
      "| modelopt | 12.3 ms (512 tokens) | 5.68 ms | 9.00 GB | – |",
    );
  });
});
