import { oneLine } from "./escape.ts";

/** Markup that is safe as it stands; only `html` and the functions of this file make it. */
export class Html {
  readonly #markup: string;
  constructor(markup: string) {
    this.#markup = markup;
  }
  toString(): string {
    return this.#markup;
  }
}

type Part = Html | string | number | readonly Part[];

/**
 * Builds markup and escapes every interpolated text, for element content and for quoted attributes. Markup is
 * taken as it is, and an array is its parts one after another. `src/analysis/page/shared/html.ts` has a tag of its own:
 * the two wings import nothing of each other.
 */
export const html = (text: TemplateStringsArray, ...parts: readonly Part[]): Html =>
  new Html(String.raw({ raw: text }, ...parts.map(markupOf)));

/** Parts with a line break between them. */
export const lines = (parts: readonly Part[]): Html => new Html(parts.map(markupOf).join("\n"));

/** A style sheet of this package, for a style element. */
export const styleText = (style: string): Html => new Html(style);

/** A script of this package, for a script element: no string in the script ends the element. */
export const scriptText = (script: string): Html =>
  new Html(script.replaceAll("</script", "<\\/script"));

/** JSON for a script element: no name in the value ends the element or a line. */
export const scriptJson = (value: object): Html =>
  new Html(
    JSON.stringify(value)
      .replaceAll("<", "\\u003c")
      .replaceAll("\u2028", "\\u2028")
      .replaceAll("\u2029", "\\u2029"),
  );

const markupOf = (part: Part): string => {
  if (part instanceof Html) return part.toString();
  if (typeof part === "string") return escaped(part);
  return typeof part === "number" ? String(part) : part.map(markupOf).join("");
};

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

const escaped = (text: string): string =>
  oneLine(text).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? "");
