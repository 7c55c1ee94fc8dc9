import { goalStateOf } from "./goal-state.ts";
import { timesText } from "../quality-report/figure-text.ts";
import { basesOf, isMeasured, type SchemesOverview } from "./overview.ts";
import { dataName } from "./table-rows.ts";

/** What columns and words mean, for a reader who sees them for the first time. */
export function overviewTerms(
  overview: SchemesOverview,
): readonly { readonly term: string; readonly means: string }[] {
  const proven = overview.schemes.find(isMeasured)?.quality.definition.proven ?? null;
  const data = basesOf(overview).map(dataName).join("; ");
  return [
    {
      term: "bits",
      means:
        "average bits of a weight as stored, over the layers that the scheme may quantize; kept ones count 16.",
    },
    {
      term: "size",
      means:
        "of all tensors of the larger export, predicted from the plan; in files, what was found when the export was read back.",
    },
    {
      term: "KL",
      means: `nats a token between the next-token probabilities of the unquantized and of the simulated quantized model, on held-out data${data === "" ? "" : `: ${data}`}. Below it the 95 % interval over samples; one of another confidence, which a goal may ask for, says so. Figures of other data are not to be compared.`,
    },
    {
      term: "perplexity",
      means:
        "that of the scheme as a multiple of the unquantized model’s on the same text; below it the perplexity itself. Below 1 is chance, and no gain.",
    },
    {
      term: "random",
      means: `KL(mean of random plans of the same size) / KL(scheme), with its paired 95 % interval${proven === null ? "" : `; proven where the interval lies above ${timesText(proven, 2)}`}. Better than chance is not yet good enough for a task.`,
    },
    ...(overview.schemes.some((shown) => goalStateOf(shown) !== null)
      ? [
          {
            term: "goal",
            means:
              "how much quality may be lost. It is met where the interval on the held-out set confirm stays within it; figures on report, which no search has seen, are those of this table.",
          },
        ]
      : []),
    ...(overview.schemes.some(({ quality }) => quality?.search !== undefined)
      ? [
          {
            term: "exact solvers",
            means:
              "start_scores and start_alone: the best plans within the size by scores, and by measured KL of each layer group quantized alone. A multiple above 1 says that changing plans by measurement has gained.",
          },
        ]
      : []),
    {
      term: "unproven, not separable",
      means:
        "not proven, though controls differ; not even the worst and the best control can be told apart.",
    },
    {
      term: "not judged",
      means:
        "nothing was chosen by scores, so there is nothing of its size to compare with: a baseline; or a KL is too near zero to tell multiples of it. The answer above says which.",
    },
    {
      term: "vLLM",
      means:
        "on how many devices vLLM’s own loading takes or rejects its exports; nothing is computed unless it says serves.",
    },
  ];
}
