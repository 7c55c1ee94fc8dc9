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

export type Part = Html | string | number | readonly Part[];

/**
 * Builds HTML or SVG and escapes every interpolated text, for element content, quoted attributes, and unquoted
 * attributes (`class=${name}`). Markup is taken as it is, and an array is its parts one after another.
 * `src/ui/html.ts` has a tag of its own: the two wings import nothing of each other.
 */
export function html(text: TemplateStringsArray, ...parts: readonly Part[]): Html {
  let markup = text[0] ?? "";
  parts.forEach((part, index) => {
    const escape = markup.endsWith("=") ? escapedUnquoted : escaped;
    markup += markupOf(part, escape) + (text[index + 1] ?? "");
  });
  return new Html(markup);
}

/** Parts with a line break between them. */
export const lines = (parts: readonly Part[]): Html =>
  new Html(parts.map((part) => markupOf(part, escaped)).join("\n"));

/** A style sheet of this package, for a style element. */
export const styleText = (style: string): Html => new Html(style);

/** A script of this package, for a script element: no string in the script ends the element. */
export const scriptText = (script: string): Html =>
  new Html(script.replaceAll("</script", "<\\/script"));

/** JSON for a script element: no name in the value ends the element or a line. */
export const scriptJson = (value: unknown): Html =>
  new Html(
    JSON.stringify(value)
      .replaceAll("<", "\\u003c")
      .replaceAll("\u2028", "\\u2028")
      .replaceAll("\u2029", "\\u2029"),
  );

function markupOf(part: Part, escape: (text: string) => string): string {
  if (part instanceof Html) return part.toString();
  if (typeof part === "string") return escape(part);
  return typeof part === "number"
    ? String(part)
    : part.map((one) => markupOf(one, escape)).join("");
}

const escaped = (text: string): string =>
  text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");

/** Without quotes around it, a value ends at white space, and an empty one would take the next attribute. */
const escapedUnquoted = (text: string): string =>
  text === ""
    ? '""'
    : text.replace(/[^\w.-]/gu, (character) => `&#${character.codePointAt(0) ?? 0};`);
