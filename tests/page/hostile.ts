/** What ends elements, attributes, strings, rows and lines in HTML, SVG, JSON, scripts and Markdown. */
export const PAYLOAD = `"'></script><img src=x onerror="pwned=1"><b id=pwned>\`|](javascript:pwned=1)`;

/** All texts in a value, each once. */
export function textsIn(value: unknown, found = new Set<string>()): ReadonlySet<string> {
  if (typeof value === "string") found.add(value);
  else if (Array.isArray(value)) for (const one of value) textsIn(one, found);
  else if (value instanceof Map)
    for (const [key, one] of value) textsIn([key, one] as unknown[], found);
  else if (typeof value === "object" && value !== null)
    for (const one of Object.values(value)) textsIn(one, found);
  return found;
}

/** A copy of a value in which these texts have the payload at their end, wherever they stand. */
export function spoilt<T>(value: T, texts: ReadonlySet<string>): T {
  const change = (one: unknown): unknown => {
    if (typeof one === "string") return texts.has(one) ? one + PAYLOAD : one;
    if (Array.isArray(one)) return one.map(change);
    if (one instanceof Map) return new Map([...one].map(([key, of]) => [change(key), change(of)]));
    if (typeof one !== "object" || one === null) return one;
    return Object.fromEntries(Object.entries(one).map(([key, of]) => [key, change(of)]));
  };
  return change(value) as T;
}

/** A page, or null where these texts are words that the code goes by, and no names. */
export type Make<T> = (data: T) => string | null;

export function pageOrNull<T>(make: Make<T>, data: T): string | null {
  try {
    return make(data);
  } catch {
    return null;
  }
}

/**
 * Gives every text of the data the payload, one after the other, and then all at once that can have it.
 *
 * @returns what is wrong of single texts, the texts that were shown, and the page with all of them spoilt
 */
export function attack<T>(
  make: Make<T>,
  data: T,
): { readonly broken: readonly string[]; readonly tried: number; readonly page: string } {
  const broken: string[] = [];
  const names = new Set<string>();
  for (const text of textsIn(data)) {
    const page = pageOrNull(make, spoilt(data, new Set([text])));
    if (page === null) continue;
    names.add(text);
    if (hasMarkup(page)) broken.push(text);
  }
  const page = pageOrNull(make, spoilt(data, names));
  if (page === null) throw new Error("the texts cannot be spoilt together");
  return { broken, tried: names.size, page };
}

/** Whether an element of the payload came to be; the pages themselves have none of its kinds. */
export const hasMarkup = (page: string): boolean => /<img|<b id=pwned/i.test(page);
