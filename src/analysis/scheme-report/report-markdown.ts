import {
  byteText,
  intervalText,
  percentText,
  perplexityText,
  sizeText,
  smallText,
  timesText,
} from "../quality-report/figure-text.ts";
import { scopeName } from "../quality-report/names.ts";
import { markdownCode, markdownText } from "../text/markdown.ts";
import { table } from "../text/markdown-table.ts";
import { headlineOf, isUntrained, pointsOf } from "./answer.ts";
import { SEARCH_TITLES, searchRow } from "./searched.ts";
import { short } from "./same-weights.ts";
import {
  isStatus,
  plannedLayers,
  type ReportedScheme,
  type SchemeReport,
} from "./scheme-report.ts";
import { weightGroups } from "./weight-groups.ts";
import { choiceText, factorText, statusText, wordOf } from "./words.ts";

/** The text of `report-<set>-schemes.md`: what was found in words, the picture, then the tables. */
export function schemeReportMarkdown(report: SchemeReport, picture: string): string {
  const { model, title, schemes } = report;
  const words = new Map(schemes.map((one) => [one.scheme.name, markdownText(wordOf(one))]));
  const points = pointsOf(report).map(
    ({ lead, text }) => `- **${markdownText(lead)}**: ${markdownText(text)}`,
  );
  const blocks: readonly (string | null)[] = [
    `# Schemes of ${markdownText(model)}: ${markdownText(title)}`,
    isUntrained(schemes)
      ? "> **Random weights.** This model was never trained. The figures show only that measuring works, and no scheme is called proven."
      : null,
    `## ${markdownText(headlineOf(report))}`,
    points.join("\n"),
    ...(schemes.length === 0 ? [] : [`![Size against measured KL](${picture})`]),
    "## Schemes",
    table(SCHEME_TITLES, schemes.map(schemeRow)),
    ...searchTable(schemes),
    "## What vLLM answers",
    table(
      ["Scheme", "Word", "Format", "Device", "Answer", "By its own settings", "Run unquantized"],
      servingRows(schemes),
    ),
    "## Files",
    table(FILE_TITLES, fileRows(schemes)),
    "Schemes of the same weights, by the digest over all tensors:",
    table(
      ["Weights", "Format", "Schemes"],
      weightGroups(schemes).map(({ weights, format, schemes: names }) => [
        markdownCode(short(weights)),
        format,
        names.map((name) => `${markdownCode(name)} (${words.get(name) ?? ""})`).join(", "),
      ]),
    ) ?? "nothing is exported.",
    "## How to read it",
    howToRead(schemes),
  ];
  return `${blocks.filter((block) => block !== null && block !== "").join("\n\n")}\n`;
}

const SCHEME_TITLES = [
  "Scheme",
  "Word",
  "Settings",
  "Size",
  "Bits",
  "Whole model, bits",
  "Layers quantized / kept",
  "Formats",
  "Predicted score",
  "KL (95 %)",
  "Same top token",
  "Perplexity",
  "Factor (95 %)",
];

function schemeRow(reported: ReportedScheme): readonly string[] {
  const { scheme, quality, settings } = reported;
  const { achieved, engine } = scheme;
  const { quantized, kept, formats } = plannedLayers(scheme);
  const { kl, top1_agreement, perplexity } = quality.figures;
  const searched = scheme.search === undefined ? "" : ", searched by measurement";
  const by = engine === null ? "no scores" : `scores of ${engine}${searched}`;
  return [
    markdownCode(scheme.name),
    markdownText(wordOf(reported)),
    markdownText(
      `${choiceText(scheme.choice)}; ${scopeName(scheme)}${settings.lm_head ? " with lm_head" : ""}; ${by}; calibrated on ${scheme.size}`,
    ),
    byteText(achieved.bytes),
    sizeText(achieved.bits),
    sizeText(achieved.whole_bits),
    `${quantized} / ${kept}`,
    markdownText(
      Object.entries(formats)
        .map(([format, count]) => `${count} ${format}`)
        .join(", "),
    ),
    achieved.score === null ? "–" : smallText(achieved.score),
    intervalText(kl, smallText),
    percentText(top1_agreement.value),
    intervalText(perplexity, perplexityText),
    factorText(reported),
  ];
}

/** Only where a scheme was searched by measurement. */
function searchTable(schemes: readonly ReportedScheme[]): readonly (string | null)[] {
  const rows = schemes.flatMap((one) => {
    const [name = "", ...cells] = searchRow(one) ?? [];
    return name === "" ? [] : [[markdownCode(name), ...cells.map((cell) => markdownText(cell))]];
  });
  return rows.length === 0 ? [] : ["## Searched by measurement", table(SEARCH_TITLES, rows)];
}

const servingRows = (schemes: readonly ReportedScheme[]): readonly (readonly string[])[] =>
  schemes.flatMap((reported) =>
    reported.exports.flatMap(({ format, serving }) =>
      serving.map(({ device, answer }) => [
        markdownCode(reported.scheme.name),
        markdownText(wordOf(reported)),
        format,
        isStatus(answer) ? markdownText(answer.device) : device,
        markdownText(statusText(answer)),
        isStatus(answer) ? markdownText(answer.byDefault) : "–",
        isStatus(answer) ? String(answer.unquantized.length) : "–",
      ]),
    ),
  );

const FILE_TITLES = [
  "Scheme",
  "Word",
  "Format",
  "Weights, predicted",
  "Weights, in files",
  "All files",
  "Layers quantized / kept",
  "Largest KL of logits",
  "Plan",
  "Weights",
];

const fileRows = (schemes: readonly ReportedScheme[]): readonly (readonly string[])[] =>
  schemes.flatMap((reported) =>
    reported.exports.map(({ format, target, check }) => {
      const predicted = reported.scheme.exports.find((of) => of.format === format)?.bytes;
      const head = [
        markdownCode(reported.scheme.name),
        markdownText(wordOf(reported)),
        format,
        predicted === undefined ? "–" : byteText(predicted),
      ];
      if (check === null)
        return [
          ...head,
          markdownText(`not exported: aqm build ${target}`),
          "–",
          "–",
          "–",
          "–",
          "–",
        ];
      return [
        ...head,
        byteText(check.weightBytes),
        byteText(check.bytes),
        `${check.quantizedLayers} / ${check.keptLayers}`,
        smallText(check.logits.kl),
        markdownCode(short(check.plan)),
        markdownCode(short(check.weights)),
      ];
    }),
  );

const SEARCH_TERMS: readonly (readonly [string, string])[] = [
  [
    "goal",
    "how much quality may be lost. It is met where the interval on the held-out set confirm stays within it; figures on report, which no search has seen, do not decide. A plan was chosen among many on confirm, so that report may say a little more.",
  ],
  [
    "exact solvers",
    "start_scores and start_alone: the best plans within the size by scores, and by measured KL of each layer group quantized alone. A multiple above 1 says that changing plans by measurement has gained.",
  ],
];

function howToRead(schemes: readonly ReportedScheme[]): string {
  const [first] = schemes;
  const held = first?.quality.held_out;
  const proven = first?.quality.definition.proven ?? 0;
  const terms: readonly (readonly [string, string])[] = [
    [
      "size",
      "of all tensors as predicted from the plan, embeddings and kept layers included; files have a table of their own.",
    ],
    [
      "bits",
      "average bits of a weight as stored, over the layers that may be quantized; of the whole model over all tensors.",
    ],
    [
      "KL",
      `nats a token between the next-token probabilities of the unquantized and of the simulated quantized model, on held-out data${held === undefined ? "" : ` (${held.part}: ${held.samples} samples, ${held.tokens} counted tokens)`}. 0 is no change. In brackets the 95 % interval over samples; one of another confidence, which a goal may ask for, says so.`,
    ],
    [
      "factor",
      "KL(mean of random plans of the same size) / KL(scheme), with its paired 95 % interval. Random plans are never larger than the scheme; where layers are few they can be smaller, and then the cell says so.",
    ],
    [
      "proven",
      `the factor’s interval lies above ${timesText(proven, 2)}: better than chance at its size. Whether the loss is small enough for use is for the KL and a task to say.`,
    ],
    [
      "unproven, not separable",
      "not proven, though controls differ; not even the worst and the best control can be told apart, as where only one plan has that size.",
    ],
    ...(schemes.some(({ scheme }) => scheme.search !== undefined) ? SEARCH_TERMS : []),
    [
      "not judged",
      "there is nothing of its size to compare with, or a KL is too near zero to tell multiples of it; the answer above says which.",
    ],
    [
      "loads strictly (not run)",
      "vLLM’s own configuration, construction and strict load take the files, and its parameters equal the file’s; nothing was computed.",
    ],
    ["run unquantized", "layers that the files hold quantized and vLLM would compute without."],
  ];
  return terms.map(([term, means]) => `- **${term}**: ${markdownText(means)}`).join("\n");
}
