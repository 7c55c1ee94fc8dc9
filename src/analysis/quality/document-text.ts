/** A document as JSON: an indented head, then lists with a line an item, so that a diff is small. */
export function documentText(
  head: Readonly<Record<string, unknown>>,
  lists: Readonly<Record<string, readonly unknown[]>>,
): string {
  const open = JSON.stringify(head, null, 2).slice(0, -2);
  const parts = Object.entries(lists).map(([key, items]) => {
    if (items.length === 0) return `  ${JSON.stringify(key)}: []`;
    const lines = items.map((item) => `    ${JSON.stringify(item)}`);
    return `  ${JSON.stringify(key)}: [\n${lines.join(",\n")}\n  ]`;
  });
  return `${[open, ...parts].join(",\n")}\n}\n`;
}
