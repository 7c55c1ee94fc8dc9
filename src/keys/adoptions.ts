import { adoptionOf } from "../model/adoption.ts";
import type { ActionRecord } from "../model/record.ts";
import { actionKey, asAdopted, unknownRoles } from "./describe.ts";

/**
 * Of the results of one target, oldest first: those that were taken over, the latest first, unless a
 * later result is of the same action as far as they know it.
 */
export const standingAdoptions = (records: readonly ActionRecord[]): readonly ActionRecord[] =>
  records
    .filter((record, index) => {
      if (adoptionOf(record) === null) return false;
      const unknown = unknownRoles(record);
      const later = records.slice(index + 1);
      return !later.some(({ action }) => actionKey(asAdopted(action, unknown)) === record.key);
    })
    .reverse();
