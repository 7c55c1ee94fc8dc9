import * as fs from "node:fs";
import { join } from "node:path";
import { REPOSITORY } from "./workspace.ts";

/** A command that README or docs show: a line of a block `sh`, or a line of a transcript after `$ `. */
export interface Documented {
  /** `docs/schemes.md:12`. */
  readonly where: string;
  /** Without prompt and comment. */
  readonly command: string;
  /** Its words, quotes removed. */
  readonly words: readonly string[];
}

export const DOCUMENTS: readonly string[] = [
  "README.md",
  ...fs
    .readdirSync(join(REPOSITORY, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

export const textOf = (document: string): string =>
  fs.readFileSync(join(REPOSITORY, document), "utf8");

/** All commands of a document, in its order; `a && b` is two. */
export function commandsOf(document: string): readonly Documented[] {
  const found: Documented[] = [];
  let block: string | null = null;
  let begun = "";
  for (const [index, line] of textOf(document).split("\n").entries()) {
    const fence = /^\s*```(\w*)/.exec(line);
    if (fence !== null) {
      block = block === null ? (fence[1] ?? "") : null;
      continue;
    }
    const shown =
      block === "sh"
        ? line
        : block === "text"
          ? /^(?:\$ |(?=(?:npx )?aqm ))(.*)/.exec(line)?.[1]
          : "";
    if (shown === undefined || shown.trim() === "") continue;
    if (shown.endsWith("\\")) {
      begun += `${shown.slice(0, -1)} `;
      continue;
    }
    const whole = (begun + shown).replace(/(^|\s)#.*$/, "").trim();
    begun = "";
    for (const command of whole.split(" && ").map((part) => part.trim()))
      if (command !== "")
        found.push({ where: `${document}:${index + 1}`, command, words: wordsOf(command) });
  }
  return found;
}

/** As a shell would divide it, as far as documents need that: quotes keep blanks. */
const wordsOf = (command: string): readonly string[] =>
  [...command.matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g)].map(([word]) => word.replace(/['"]/g, ""));

/** The arguments of a call of aqm; null where the command is another one. */
export function aqmArguments({ words }: Documented): readonly string[] | null {
  const [first, second] = words;
  if (first === "aqm") return words.slice(1);
  return first === "npx" && second === "aqm" ? words.slice(2) : null;
}

/** Whether a word stands for something that the reader puts in its place. */
export const isPlaceholder = (word: string): boolean =>
  /…|^\.\.|\b[A-Z]{2,}\b|^[A-Z]$|models\/m\//.test(word);
