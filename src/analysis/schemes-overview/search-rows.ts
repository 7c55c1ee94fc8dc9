import { searchRow } from "../scheme-report/searched.ts";
import { EARLIER, isOfPlan } from "./plan-of-figures.ts";
import { isMeasured, reportedOf, type SchemesOverview } from "./overview.ts";

/** By `SEARCH_TITLES`: schemes that were found by measuring plans, and measured on data that no search has seen. */
export const searchRows = ({
  schemes,
}: Pick<SchemesOverview, "schemes">): readonly (readonly string[])[] =>
  schemes.filter(isMeasured).flatMap((shown) => {
    const row = searchRow(reportedOf(shown), isOfPlan(shown.quality, shown) ? "" : ` (${EARLIER})`);
    return row === null ? [] : [row];
  });
