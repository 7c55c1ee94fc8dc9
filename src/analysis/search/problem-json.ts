import { documentText } from "../quality/document-text.ts";
import type { SearchProblem } from "./search-problem.ts";
import { unitsPerCost } from "./weighed-groups.ts";

const PROBLEM_SCHEMA = 1;

/** The problem as the op `measured_search` reads it; costs of whole groups, in its unit. */
export const searchProblemJson = ({
  unit,
  groups,
  kept,
  limit,
  goal,
  starts,
  frontier,
}: SearchProblem): string =>
  documentText(
    { schema: PROBLEM_SCHEMA, unit, limit, goal },
    {
      groups: groups.map(({ name, modules = [name], candidates }) => ({
        name,
        modules,
        candidates: candidates.map(({ format, cost, alone }) => ({
          format,
          cost: unitsPerCost(unit) * cost,
          alone,
        })),
      })),
      kept: kept.map(({ name, modules = [name] }) => ({ name, modules })),
      starts,
      frontier,
    },
  );
