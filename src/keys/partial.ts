import type { ResumableDeclaration } from "../model/declaration.ts";
import { digestOfJson, type Digest } from "../model/digest.ts";
import type { Json } from "../model/json.ts";
import type { ActionDescription } from "../model/record.ts";

/**
 * What the partial results of an action are kept under: the digest of its description without its bounds,
 * which say how many items are wanted, and without its outputs, since an item does not depend on where the
 * result goes. A longer run of the same work has the same identity; anything else in the key gives another.
 */
export function partialIdentity(
  { epoch, op, environment, params, inputs }: ActionDescription,
  { bounds }: ResumableDeclaration,
): Digest {
  const unbounded = Object.entries(params).filter(([name]) => !bounds.includes(name));
  const identity = { partial: 1, epoch, op, environment, inputs };
  return digestOfJson({ ...identity, params: Object.fromEntries(unbounded) } as unknown as Json);
}
