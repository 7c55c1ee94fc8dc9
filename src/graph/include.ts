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

/** Whether some file below `folder` could match: a pattern that reaches deeper than the folder itself. */
export function mayMatchBelow(include: readonly string[] | undefined, folder: string): boolean {
  if (include === undefined) return true;
  const depth = folder.split("/").length;
  return include.some((pattern) => {
    const parts = pattern.split("/");
    if (parts.includes("**")) return true;
    return parts.length > depth && includeFilter([parts.slice(0, depth).join("/")])(folder);
  });
}
