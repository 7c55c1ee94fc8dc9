/** `*` and `?` stay within one path part; a part that is `**` stands for any number of folders. */
export function includeFilter(include: readonly string[] | undefined): (path: string) => boolean {
  if (include === undefined) return () => true;
  const patterns = include.map((pattern) => {
    const parts = pattern.split("/");
    const source = parts.map((part, index) => {
      const last = index === parts.length - 1;
      if (part === "**") return last ? ".*" : "(?:.*/)?";
      const text = part
        .replace(/[.+^${}()|[\]\\]/g, "\\$&")
        .replaceAll("*", "[^/]*")
        .replaceAll("?", "[^/]");
      return last ? text : `${text}/`;
    });
    return new RegExp(`^${source.join("")}$`);
  });
  return (path) => patterns.some((pattern) => pattern.test(path));
}
