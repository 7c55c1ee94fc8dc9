/** What a config can hold. */
export type YamlValue =
  null | boolean | number | string | readonly YamlValue[] | { readonly [key: string]: YamlValue };

/**
 * Plain data as block YAML, keys in their order, that YAML 1.1 (PyYAML, OmegaConf) and 1.2 readers read as
 * the same values: text that either could take for something else is in quotes.
 */
export function yamlText(
  value: { readonly [key: string]: YamlValue },
  options: YamlOptions = {},
): string {
  return `${block(value, "", options).replace(/^\n/, "")}\n`;
}

export interface YamlOptions {
  /** Keys that are integers become such: without it they are text, in quotes. */
  readonly integerKeys?: boolean;
}

/** What follows a key or a dash: on its line for a scalar, else on lines of its own. */
function block(value: YamlValue, indent: string, options: YamlOptions): string {
  if (typeof value !== "object" || value === null) return ` ${scalar(value)}`;
  if (isList(value)) {
    if (value.length === 0) return " []";
    return value.map((item) => `\n${indent}-${inItem(item, indent, options)}`).join("");
  }
  const entries = Object.entries(value);
  if (entries.length === 0) return " {}";
  return entries
    .map(([key, item]) => {
      const inside = isList(item) ? indent : `${indent}  `;
      const bare = options.integerKeys === true && /^-?(?:0|[1-9]\d*)$/.test(key);
      return `\n${indent}${bare ? key : text(key)}:${block(item, inside, options)}`;
    })
    .join("");
}

/** The first key of an object stands beside its dash. */
const inItem = (item: YamlValue, indent: string, options: YamlOptions): string =>
  block(item, `${indent}  `, options).replace(/^\n */, " ");

const isList = (value: YamlValue): value is readonly YamlValue[] => Array.isArray(value);

function scalar(value: null | boolean | number | string): string {
  if (typeof value === "string") return text(value);
  if (typeof value !== "number" || Number.isInteger(value)) return JSON.stringify(value);
  // A YAML 1.1 reader takes 1e-7 for text: it wants a dot and a sign.
  const [digits = "", exponent] = String(value).split("e");
  if (exponent === undefined) return digits;
  const sign = exponent.startsWith("-") ? "" : "+";
  return `${digits.includes(".") ? digits : `${digits}.0`}e${sign}${exponent.replace("+", "")}`;
}

const PLAIN = /^[A-Za-z_/][\w./-]*$/;
const TAKEN = /^(?:y|n|yes|no|on|off|true|false|null)$/i;

const text = (value: string): string =>
  PLAIN.test(value) && !TAKEN.test(value) ? value : JSON.stringify(value);
