import type { LayerGroup } from "./layer-group.ts";

/**
 * Whether a pattern means a layer group: `*` stands for any text, `?` for one character, and the whole name
 * must fit. A group is meant if any of its modules is, as in ModelOpt's `disabled_layers`.
 */
export function meansGroup(
  pattern: string,
  { name, modules }: Pick<LayerGroup, "name" | "modules">,
): boolean {
  const fits = matcherOf(pattern);
  return fits(name) || (modules ?? []).some(fits);
}

function matcherOf(pattern: string): (name: string) => boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replace(/\*/g, ".*")
    .replace(/\?/g, ".");
  const expression = new RegExp(`^${source}$`, "su");
  return (name) => expression.test(name);
}
