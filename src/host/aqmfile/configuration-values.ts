import { isAlias, isCollection, isMap, isScalar, visit, type Document, type Node } from "yaml";
import { wrongNumber } from "../../model/exact-number.ts";
import { isReservedKey } from "../../model/reserved-key.ts";

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
  let deep = false;
  visit(document, (_key, node, around) => {
    if (around.length > DEEPEST && !deep && isCollection(node)) {
      deep = true;
      add(
        node,
        "It is nested deeper than any value that JSON texts are made of",
        "Make it flatter.",
      );
    }
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
        if (isReservedKey(key.value)) add(key, `${key.value} is not a key`, "Take another name.");
      } else if (isScalar(key)) {
        const text = key.source === undefined || key.source === "" ? "A key" : key.source;
        add(key, `${text} is a key that is not text`, "Put it in quotes.");
      } else add(key as Node | null, "A key must be text", "Put it in quotes.");
    }
  });
  return problems;
}

/** Nodes from the document down: a value of a key takes two of them. What a key is made from has the same bound. */
const DEEPEST = 400;

/** What JSON has, too. The parser knows more: bytes, dates, sets. */
const PLAIN_TAGS = /^tag:yaml\.org,2002:(?:str|int|float|bool|null|map|seq)$/;

const WRITE_OUT = "Write the value out: anchors, aliases and merges are not read.";
const QUOTE_NUMBER = "Write it shorter, or as text in quotes.";
