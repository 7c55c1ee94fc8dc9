import type { Started } from "aqm";

/** What the model, or the data, adds to a new workspace. */
export interface StartedPart extends Pick<Started, "files" | "links" | "notes"> {
  /** Of its config. */
  readonly name: string;
}

/** As names of configs are: small letters, digits and underscores. */
export const configName = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "_")
    .replaceAll(/^_+|_+$/g, "") || "model";

/** The last part of a path. */
export const lastOf = (path: string): string =>
  path
    .split("/")
    .filter((part) => part !== "" && part !== ".")
    .at(-1) ?? "";

/**
 * A folder of the workspace by its path there; one that lies elsewhere by a link at `link`, since paths in configs
 * do not leave the workspace.
 */
export function placed(
  root: string,
  folder: string,
  link: string,
): { readonly path: string; readonly links: Started["links"] } {
  const plain = folder.replace(/^(?:\.\/)+/, "").replace(/\/+$/, "");
  const inside = plain.startsWith(`${root}/`) ? plain.slice(root.length + 1) : plain;
  const leaves = inside.startsWith("/") || inside.split("/").includes("..");
  if (!leaves && inside !== "" && inside !== ".") return { path: inside, links: [] };
  const leadsTo = inside.startsWith("/") ? inside : `${root}/${inside}`;
  return { path: link, links: [{ path: link, leadsTo }] };
}
