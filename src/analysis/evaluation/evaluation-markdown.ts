import {
  byteText,
  intervalText,
  lossText,
  percentText,
  perplexityText,
  smallText,
} from "../quality-report/figure-text.ts";
import { markdownCode, markdownText } from "../text/markdown.ts";
import { table } from "../text/markdown-table.ts";
import { LEAKED, type Evaluation, type MeasuredOn } from "./evaluation.ts";
import { sameAnswers, sideBySide, type Run, type SideBySide } from "./side-by-side.ts";

/** The text of `evaluation.md`: what was found in words, then the tables. */
export function evaluationMarkdown(evaluation: Evaluation): string {
  const { name, model, weights, figures, answers } = evaluation;
  const blocks: readonly (string | null)[] = [
    `# Evaluation of ${markdownCode(name)}, ${markdownText(model)}`,
    weights === "random"
      ? "> **Random weights.** This model was never trained. Its figures and answers show only that evaluating works."
      : null,
    "Everything stands beside the unquantized model. Quantization is simulated; layers compute as an exported checkpoint holds them.",
    pointsOf(evaluation)
      .map(([lead, text]) => `- **${lead}**: ${text}`)
      .join("\n"),
    "## Figures",
    figuresTable(figures),
    notesOf(figures),
    "## Answers",
    `Greedy, at most ${evaluation.max_new_tokens} tokens, in turns of the chat template. Tokens that the other answer lacks are in <b>bold</b>.`,
    table(
      ["Prompt", "Unquantized", "Scheme", "First difference", "Tokens that differ, of each"],
      sideBySide(answers).map(answerRow),
    ),
    "## Size",
    table(["Checkpoint", "Predicted", "Found in files"], sizeRows(evaluation)),
    "## Speed and memory",
    "Times of simulated quantization mean nothing, since it is slower than the unquantized model. Only a server's count.",
    table(
      ["Checkpoint", "Prefill", "Decode, a token", "Peak memory", "Why not"],
      speedRows(evaluation),
    ),
  ];
  return `${blocks.filter((block) => block !== null && block !== "").join("\n\n")}\n`;
}

/** What a reader wants first; texts are Markdown. */
function pointsOf(evaluation: Evaluation): readonly (readonly [string, string])[] {
  const { word, figures, sizes, speed, answers } = evaluation;
  const points: (readonly [string, string])[] = [];
  const largest = Math.max(
    0,
    ...sizes.exports.map(({ found_bytes, predicted_bytes }) => found_bytes ?? predicted_bytes ?? 0),
  );
  if (largest > 0) {
    const share = percentText(largest / sizes.unquantized_bytes);
    points.push(["Size", `${byteText(largest)}, ${share} of ${byteText(sizes.unquantized_bytes)}`]);
  }
  const judged = figures.find(({ leaked }) => !leaked);
  if (judged !== undefined) {
    const { kl, top1_agreement, perplexity_ratio } = judged.scheme;
    points.push([
      `Quality on ${markdownText(judged.set)}`,
      `KL ${intervalText(kl, smallText)} nats a token, the same top token for ${percentText(top1_agreement.value)}, perplexity × ${intervalText(perplexity_ratio, ratioText)}; against plans of its size: ${markdownText(word)}`,
    ]);
  }
  points.push([
    "Answers",
    `${sameAnswers(answers)} of ${answers.length} are the same in every token`,
  ]);
  const timed = speed.filter(({ measured }) => measured !== null).length;
  points.push([
    "Speed and memory",
    timed === 0 ? "not measured" : `measured of ${timed} of ${speed.length} exports`,
  ]);
  return points;
}

/** Mark of a set in every heading that names it. */
const setName = ({ set, leaked }: MeasuredOn): string =>
  leaked ? `${markdownText(set)} (leaked)` : markdownText(set);

/** Rows are figures; each set has a column of the unquantized model and one of the scheme. */
function figuresTable(figures: readonly MeasuredOn[]): string | null {
  const rows: readonly (readonly [string, (of: MeasuredOn) => readonly [string, string]])[] = [
    [
      "Loss, nats a token",
      ({ unquantized, scheme }) => [
        intervalText(unquantized.loss, lossText),
        intervalText(scheme.loss, lossText),
      ],
    ],
    [
      "Perplexity",
      ({ unquantized, scheme }) => [
        intervalText(unquantized.perplexity, perplexityText),
        intervalText(scheme.perplexity, perplexityText),
      ],
    ],
    [
      "Perplexity, scheme / unquantized",
      ({ scheme }) => ["1", intervalText(scheme.perplexity_ratio, ratioText)],
    ],
    ["KL, nats a token", ({ scheme }) => ["0", intervalText(scheme.kl, smallText)]],
    ["KL, 95th percentile", ({ scheme }) => ["0", intervalText(scheme.kl_p95, smallText)]],
    ["KL, 99th percentile", ({ scheme }) => ["0", intervalText(scheme.kl_p99, smallText)]],
    ["KL, last token", ({ scheme }) => ["0", intervalText(scheme.kl_last, smallText)]],
    ["Same top token", ({ scheme }) => ["100 %", intervalText(scheme.top1_agreement, percentText)]],
    ["MSE of logits", ({ scheme }) => ["0", intervalText(scheme.logit_mse, smallText)]],
    [
      "MSE of logits, last token",
      ({ scheme }) => ["0", intervalText(scheme.logit_mse_last, smallText)],
    ],
  ];
  return table(
    [
      "Figure (95 % interval)",
      ...figures.flatMap((of) => [`Unquantized, ${setName(of)}`, `Scheme, ${setName(of)}`]),
    ],
    rows.map(([title, cells]) => [title, ...figures.flatMap(cells)]),
  );
}

const notesOf = (figures: readonly MeasuredOn[]): string =>
  figures
    .map((of) => {
      const data = `${of.samples} samples, ${of.tokens} counted tokens`;
      return of.leaked
        ? `- **${setName(of)}**: ${data}, ${LEAKED}.`
        : `- **${setName(of)}**: ${data} that calibration has not seen. Judge by these.`;
    })
    .join("\n");

const answerRow = ({ prompt, image, unquantized, scheme, first, different }: SideBySide) => [
  image === null ? markdownText(prompt) : `${markdownCode(image)} ${markdownText(prompt)}`,
  unquantized.map(runText).join(""),
  scheme.map(runText).join(""),
  first ?? "–",
  first === null ? "0" : `${different.unquantized} / ${different.scheme}`,
];

/** Spaces stay outside of the bold, where Markdown and eyes want them. */
function runText({ text, differs }: Run): string {
  if (!differs) return markdownText(text);
  const [, before = "", within = "", after = ""] = /^(\s*)(.*?)(\s*)$/su.exec(text) ?? [];
  const spaces = (of: string): string => of.replaceAll(/\n/g, "\\\\n");
  return within === ""
    ? `<b>${markdownText(text.replaceAll(" ", "␣"))}</b>`
    : `${spaces(before)}<b>${markdownText(within)}</b>${spaces(after)}`;
}

function sizeRows({ sizes: { unquantized_bytes, exports } }: Evaluation): readonly string[][] {
  const share = (bytes: number): string =>
    `${byteText(bytes)} (${percentText(bytes / unquantized_bytes)})`;
  return [
    ["unquantized", "–", byteText(unquantized_bytes)],
    ...exports.map(({ format, predicted_bytes, found_bytes }) => [
      format,
      predicted_bytes === null ? "–" : share(predicted_bytes),
      found_bytes === null ? "not exported" : share(found_bytes),
    ]),
  ];
}

function speedRows({ speed }: Evaluation): readonly string[][] {
  const unmeasured = Array(3).fill("not measured") as string[];
  return [
    ["unquantized", ...unmeasured, "serving checks are of exported schemes alone"],
    ...speed.map(({ format, measured, not_measured }) =>
      measured === null
        ? [format, ...unmeasured, markdownText(not_measured ?? "")]
        : [
            format,
            `${measured.prefill_ms.toFixed(1)} ms (${measured.prompt_tokens} tokens)`,
            `${measured.decode_ms.toFixed(2)} ms`,
            byteText(measured.peak_bytes),
            "–",
          ],
    ),
  ];
}

/** Close to 1, so with more digits than other quotients. */
const ratioText = (ratio: number): string => ratio.toPrecision(5);
