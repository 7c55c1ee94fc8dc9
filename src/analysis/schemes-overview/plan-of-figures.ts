import { planDigest } from "../schemes/plan-digest.ts";
import type { Scheme } from "../schemes/scheme.ts";
import type { MeasuredSearch } from "../search/search-result.ts";
import { ownSearch, type SearchedScheme } from "./own-search.ts";

/** Said of figures that were measured of another plan than the scheme has now. */
export const EARLIER = "figures of an earlier plan";

/** Whether a document was made of the plan that the scheme has, and that its search found last. */
export function isOfPlan(
  { plan }: { readonly plan: string },
  shown: SearchedScheme & { readonly scheme: Scheme | null },
): boolean {
  const { scheme } = shown;
  if (scheme === null || plan !== planDigest(scheme)) return false;
  const search = ownSearch(shown);
  return search === null || isFound(scheme, search);
}

/** Whether the scheme gives every searched group the format that the search found. */
function isFound({ layers }: Scheme, { groups, found }: MeasuredSearch): boolean {
  const formats = new Map(layers.map(({ group, format }) => [group, format]));
  return groups.every((group, g) => formats.get(group) === found.formats[g]);
}
