const SUFFIX = ".quant_recipe";

/**
 * What published manifests call a layer group: the path of its first module, and what ModelOpt's search
 * appends to it. Readers of manifests look for these names, so manifests have them of every engine.
 */
export const handleOf = (name: string): string => `${name}${SUFFIX}`;

/** The name of a group that a manifest calls so. */
export const nameOf = (handle: string): string =>
  handle.endsWith(SUFFIX) ? handle.slice(0, -SUFFIX.length) : handle;
