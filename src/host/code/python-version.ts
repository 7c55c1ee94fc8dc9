/**
 * The number in `VERSION = 1`, alone on a line at the top level of a Python module; null when there is none,
 * or more than one. A line within a string is not taken for it.
 */
export function pythonVersion(text: string): number | null {
  const found = [
    ...withoutStrings(text).matchAll(/^VERSION(?:[ \t]*:[^=\n]*)?[ \t]*=[ \t]*(.*)$/gm),
  ];
  const [only, ...others] = found.map(([, value = ""]) => value.trim());
  return only === undefined || others.length > 0 || !/^\d+$/.test(only) ? null : Number(only);
}

/** Comments and strings blanked out, line breaks of strings too. */
const withoutStrings = (text: string): string =>
  text.replace(
    /#[^\n]*|"""(?:\\[^]|[^\\])*?"""|'''(?:\\[^]|[^\\])*?'''|"(?:\\[^]|[^"\\\n])*"|'(?:\\[^]|[^'\\\n])*'/g,
    (part) => (part.startsWith("#") ? "" : '""'),
  );
