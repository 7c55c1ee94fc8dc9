/**
 * What tells a layer in two documents to be the same: engines differ in what they put behind a module's
 * path, and whether they walk the model or the module inside.
 */
export const layerKey = (name: string): string => layerName(name).replace(/^model\./, "");

/** A layer as people know it: without what engines put behind a module's path. */
export const layerName = (name: string): string => name.replace(/\.module$/, "");
