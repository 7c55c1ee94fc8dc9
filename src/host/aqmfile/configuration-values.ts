import { isAlias, isCollection, isMap, isScalar, visit, type Document, type Node } from "yaml";

export interface YamlProblem {
  readonly message: string;
  readonly nextStep: string;
  /** Where in the text. */
  readonly offset: number;
}

/**
 * YAML can say things that would reach an op as something else, or as nothing: a number that JavaScript
 * rounds, infinity, two keys that become one. A config that means what it says has none of them.
 */
export function yamlProblems(document: Document.Parsed): readonly YamlProblem[] {
  const problems: YamlProblem[] = [];
  const add = (node: Node | null, message: string, nextStep: string): void =>
    void problems.push({ message, nextStep, offset: node?.range?.[0] ?? 0 });
  if (document.directives.yaml.explicit === true) {
    add(null, "A %YAML directive changes what values mean", "Leave it out: YAML 1.2 is read.");
  }
  visit(document, (_key, node) => {
    if (isAlias(node)) add(node, `*${node.source} stands for another value`, WRITE_OUT);
    if (!isScalar(node) && !isCollection(node)) return;
    if (node.anchor !== undefined) add(node, `&${node.anchor} names a value`, WRITE_OUT);
    if (node.tag !== undefined && !PLAIN_TAGS.test(node.tag)) {
      add(node, `The tag ${node.tag} makes something else of a value`, "Leave it out.");
    }
    if (isScalar(node) && typeof node.value === "number") {
      const wrong = wrongNumber(node.value, node.source ?? "");
      if (wrong !== null) add(node, `${node.source ?? "A number"} ${wrong}`, QUOTE_NUMBER);
    }
    if (!isMap(node)) return;
    for (const { key } of node.items) {
      if (isScalar(key) && typeof key.value === "string") {
        if (key.value === "<<") add(key, "<< merges nothing in YAML 1.2", WRITE_OUT);
        if (key.value === "__proto__") add(key, "__proto__ is not a key", "Take another name.");
      } else if (isScalar(key)) {
        const text = key.source === undefined || key.source === "" ? "A key" : key.source;
        add(key, `${text} is a key that is not text`, "Put it in quotes.");
      } else add(key as Node | null, "A key must be text", "Put it in quotes.");
    }
  });
  return problems;
}

/** What JSON has, too. The parser knows more: bytes, dates, sets. */
const PLAIN_TAGS = /^tag:yaml\.org,2002:(?:str|int|float|bool|null|map|seq)$/;

const WRITE_OUT = "Write the value out: anchors, aliases and merges are not read.";
const QUOTE_NUMBER = "Write it shorter, or as text in quotes.";

/** What the shortest text of any number has at most. */
const MOST_DIGITS = 17;

function wrongNumber(value: number, source: string): string | null {
  if (!Number.isFinite(value)) return "is no number that JSON can hold";
  const whole = !/^[-+]?[0-9]*[.eE]|[0-9][.eE]/.test(source) || /^[-+]?0[xo]/.test(source);
  if (whole) return Number.isSafeInteger(value) ? null : "is too large to be held exactly";
  const digits = source
    .replace(/[eE].*$/, "")
    .replace(/[^0-9]/g, "")
    .replace(/^0+|0+$/g, "");
  if (digits.length > MOST_DIGITS) return "has more digits than a number holds";
  return value === 0 && digits !== "" ? "is too small to be held" : null;
}
