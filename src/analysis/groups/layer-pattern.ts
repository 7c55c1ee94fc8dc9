import type { LayerGroup } from "./layer-group.ts";

const SUFFIX = ".quant_recipe";

/** The name that people see, without what ModelOpt appends. */
export const layerName = (handle: string): string =>
  handle.endsWith(SUFFIX) ? handle.slice(0, -SUFFIX.length) : handle;

/**
 * Whether a pattern means a layer group: `*` stands for any text, `?` for one character, and the whole name
 * must fit. A group is meant if any of its modules is, as in ModelOpt's `disabled_layers`.
 */
export function meansGroup(
  pattern: string,
  { handle, modules }: Pick<LayerGroup, "handle" | "modules">,
): boolean {
  const fits = matcherOf(pattern);
  return fits(layerName(handle)) || (modules ?? []).some(fits);
}

function matcherOf(pattern: string): (name: string) => boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replace(/\*/g, ".*")
    .replace(/\?/g, ".");
  const expression = new RegExp(`^${source}$`, "su");
  return (name) => expression.test(name);
}
