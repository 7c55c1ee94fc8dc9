import { counted, listText } from "../quality-report/runs.ts";
import { isUntrained, pointsOf } from "../scheme-report/answer.ts";
import { checkSameWeights } from "../scheme-report/same-weights.ts";
import type { ReportedScheme } from "../scheme-report/scheme-report.ts";
import type { Point } from "../scheme-report/words.ts";
import { goalStateOf, goalWords } from "./goal-state.ts";
import { isOfPlan } from "./plan-of-figures.ts";
import {
  isCurrent,
  isMeasured,
  reportedOf,
  stateOf,
  type MeasuredScheme,
  type SchemesOverview,
  type SchemeState,
  type ShownScheme,
} from "./overview.ts";

/** How many schemes there are, and how many of them are proven. */
export function overviewHeadline({ schemes }: SchemesOverview): string {
  const measured = schemes.filter(isCurrent);
  const proven = measured.filter(({ quality }) => quality.verdict?.word === "proven").length;
  const on = hasRandomWeights({ schemes }) ? " (on random weights nothing is)" : "";
  return `${measured.length} of ${counted(schemes.length, "scheme")} measured, ${proven} proven${on}`;
}

export const hasRandomWeights = ({ schemes }: Pick<SchemesOverview, "schemes">): boolean =>
  isUntrained(schemes.filter(isMeasured).map(reportedOf));

/** What a reader wants to know first: what does not fit, the words of schemes, what a server says, what is missing. */
export function overviewPoints({ model, schemes }: SchemesOverview): readonly Point[] {
  // What is not exported is told once, with the files.
  const reported = (shown: MeasuredScheme): ReportedScheme => ({
    ...reportedOf(shown),
    exports: shown.exports.filter(({ check }) => check !== null),
  });
  const wrong = checkSameWeights(schemes.filter(isMeasured).map(reported));
  const skipped = schemes.flatMap(({ name, because }) =>
    because === null ? [] : [{ name, because }],
  );
  return [
    ...(wrong === undefined ? [] : [{ lead: "Files contradict plans", text: wrong.message }]),
    ...pointOf(schemes, "measured before its plan changed", "Figures of an earlier plan"),
    ...pointWhere(
      schemes.filter((shown) => shown.evaluation !== null && !isOfPlan(shown.evaluation, shown)),
      "Evaluations of an earlier plan",
      "/evaluation.json",
    ),
    ...unmetPoints(schemes),
    ...pointsOf({
      set: "",
      title: "",
      model,
      schemes: schemes.filter(isCurrent).map(reported),
      skipped,
    }),
    ...exportPoint(schemes),
    ...pointOf(schemes, "chosen, not measured", "Not measured"),
    ...pointOf(schemes, "not built", "Not built"),
  ];
}

/** Goals that no measured plan keeps: such a scheme has no plan, and nothing else is said. */
const unmetPoints = (schemes: readonly ShownScheme[]): readonly Point[] =>
  schemes.flatMap((shown) => {
    const state = goalStateOf(shown);
    return state?.met !== false
      ? []
      : [
          {
            lead: `Goal not met: ${shown.name}, ${state.text}`,
            text: `the best measured plan has ${goalWords(state).replace(/^not met: /, "")}. Ask for less, or add a larger candidate.`,
          },
        ];
  });

function exportPoint(schemes: readonly ShownScheme[]): readonly Point[] {
  const all = schemes.flatMap(({ exports }) => exports);
  const there = all.filter(({ check }) => check !== null).length;
  return there === all.length
    ? []
    : [
        {
          lead: "Not exported",
          text: `${all.length - there} of ${counted(all.length, "checkpoint")}; the table of files says what to build.`,
        },
      ];
}

/** Schemes of a state, with what to build. */
function pointOf(
  schemes: readonly ShownScheme[],
  state: SchemeState,
  lead: string,
): readonly Point[] {
  return pointWhere(
    schemes.filter((shown) => stateOf(shown) === state),
    lead,
  );
}

/** @param file of each scheme's folder; the whole folder if not given */
function pointWhere(here: readonly ShownScheme[], lead: string, file = ""): readonly Point[] {
  const [first] = here;
  if (first === undefined) return [];
  const names = listText(here.map(({ name }) => name));
  const build = `${first.target}${file}${here.length === 1 ? "" : " …"}`;
  return [{ lead, text: `${names} (aqm build ${build}).` }];
}
