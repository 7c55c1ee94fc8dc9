/**
 * Two texts line by line, as a person reads it: `- old`, `+ new`, and a few lines around, unmarked. Longest
 * common subsequence by dynamic programming, between the first and the last line that differ.
 *
 * @param most lines at most; the rest is counted
 */
export function lineDiff(before: string, after: string, most = 24): string {
  const [a, b] = [linesOf(before), linesOf(after)];
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head += 1;
  let tail = 0;
  const shorter = Math.min(a.length, b.length) - head;
  while (tail < shorter && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail += 1;
  const old = a.slice(head, a.length - tail);
  const now = b.slice(head, b.length - tail);
  const lines = [
    ...a.slice(Math.max(0, head - AROUND), head).map((line) => `  ${line}`),
    ...changes(old, now),
    ...a.slice(a.length - tail, Math.min(a.length, a.length - tail + AROUND)).map((l) => `  ${l}`),
  ];
  const more = lines.length - most;
  return (more > 1 ? [...lines.slice(0, most), `… and ${more} lines more`] : lines).join("\n");
}

const AROUND = 1;
/** Beyond this the table would be larger than the answer is worth. */
const LARGEST = 1_000_000;

function changes(old: readonly string[], now: readonly string[]): readonly string[] {
  const removed = old.map((line) => `- ${line}`);
  const added = now.map((line) => `+ ${line}`);
  if (old.length * now.length > LARGEST) return [...removed, ...added];
  const width = now.length + 1;
  const common = new Uint32Array((old.length + 1) * width);
  const at = (i: number, j: number): number => common[i * width + j] ?? 0;
  for (let i = old.length - 1; i >= 0; i--)
    for (let j = now.length - 1; j >= 0; j--)
      common[i * width + j] =
        old[i] === now[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  const lines: string[] = [];
  let [i, j] = [0, 0];
  while (i < old.length || j < now.length) {
    if (i < old.length && j < now.length && old[i] === now[j]) {
      lines.push(`  ${old[i] ?? ""}`);
      i += 1;
      j += 1;
    } else if (i < old.length && (j === now.length || at(i + 1, j) >= at(i, j + 1))) {
      lines.push(removed[i] ?? "");
      i += 1;
    } else {
      lines.push(added[j] ?? "");
      j += 1;
    }
  }
  return lines;
}

const linesOf = (text: string): readonly string[] =>
  text === "" ? [] : text.replace(/\n$/, "").split("\n");
