/**
 * A name from a manifest, a config or a person as Markdown that says only this name: one line, no markup, no element,
 * no link (GitHub makes links of bare addresses too). A plain name stays as it is.
 *
 * @param within whether it stands in the text of a link, where every bracket counts
 */
export const markdownText = (text: string, within: "line" | "link" = "line"): string =>
  visible(
    text
      .replace(/\\(?=[!-/:-@[-`{-~])/g, "\\\\")
      .replace(/[`*]|~(?=~)|(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}_])/gu, "\\$&")
      .replace(/&(?=#|\w+;)/g, "&amp;")
      .replace(/<(?=[A-Za-z/!?])/g, "&lt;")
      .replace(within === "link" ? /[[\]]/g : /\](?=[([:])/g, "\\$&")
      .replace(/(?<=\])\(/g, "\\(")
      .replace(/:(?=\/\/)/g, "\\:")
      .replace(/(?<=www)\./gi, "\\."),
  );

/** A name as code. What would end the code, or look like markup in it, is written as text instead. */
export const markdownCode = (text: string): string =>
  text !== "" && !/[`<>&[\]\\]/.test(text) && text === visible(text)
    ? `\`${text}\``
    : markdownText(text);

/** A link to a file, by a path relative to the document. */
export function markdownLink(text: string, path: string): string {
  const safe = path.replace(/[\p{C}\p{Z}\\<>()[\]`"'|]/gu, (letter) =>
    /[()'|]/.test(letter)
      ? `%${letter.charCodeAt(0).toString(16).toUpperCase()}`
      : encodeURIComponent(letter.toWellFormed()),
  );
  // A first part with a colon would be a scheme.
  const target = /^[^/?#]*:/.test(safe) ? `./${safe}` : safe;
  return `[${markdownText(text, "link")}](${target})`;
}

/** Control, format and separator characters as escapes: none of them is seen, and some turn text around. */
const visible = (text: string): string =>
  text.replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]|(?![\u200c\u200d])\p{Cf}/gu, (character) => {
    const code = (character.codePointAt(0) ?? 0).toString(16);
    return character === "\n" ? "\\\\n" : `\\\\u${code.padStart(4, "0")}`;
  });
