import type { Failure } from "../../model/failure.ts";
import { err, ok, type Result } from "../../model/result.ts";
import { usage, type Element } from "./element.ts";
import { isBareText } from "./word.ts";

/** Far deeper than anyone writes, and far less than the stack holds. */
const DEEPEST = 100;

/** Hydra's escapes, and quotes, which Hydra cannot say without quotes. */
const ESCAPED = /[\\()[\]{}:=, \t"']/;
const BLANK = /[ \t]/;
/** What a bare word cannot hold: control characters, which no one sees. */
const UNSEEN = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/;

class Wrong extends Error {
  readonly at: number;
  readonly nextStep: string;

  constructor(cause: string, at: number, nextStep = "Put it in quotes if it is text.") {
    super(cause);
    this.at = at;
    this.nextStep = nextStep;
  }
}

/**
 * The values of `a,[b,c],{d: e},f(g)`, split at the commas between them. An empty text is one empty text;
 * an empty item among others is a mistake.
 *
 * The grammar is `value` of Hydra 1.3 (`OverrideParser.g4`). It differs in three points: a bare word may hold any
 * character but brackets, commas and control characters (`#fff`, `it's`, `a=b`), the key of a mapping may be in
 * quotes, and an interpolation `${…}` is refused.
 */
export function parseElements(text: string): Result<readonly Element[], Failure> {
  if (text.trim() === "") return ok([{ kind: "text", text: "", literal: true }]);
  try {
    return ok(new Parser(text).all());
  } catch (error) {
    if (!(error instanceof Wrong)) throw error;
    const place = `${error.message} (character ${error.at + 1})`;
    return err(usage(`${JSON.stringify(text)} is not a value`, error.nextStep, place));
  }
}

class Parser {
  #at = 0;
  #depth = 0;

  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  all(): readonly Element[] {
    const elements = [this.#element(",")];
    while (this.#next === ",") {
      this.#at += 1;
      elements.push(this.#element(","));
    }
    if (this.#at < this.text.length) throw this.#unexpected();
    return elements;
  }

  get #next(): string {
    return this.text[this.#at] ?? "";
  }

  /** @param ends the characters that end a bare word here */
  #element(ends: string): Element {
    this.#blanks();
    const start = this.#next;
    if (start === '"' || start === "'") return this.#quoted();
    if (start === "[" || start === "{") return this.#nested(start);
    return this.#word(ends);
  }

  #nested(start: "[" | "{"): Element {
    const opened = this.#at;
    this.#depth += 1;
    if (this.#depth > DEEPEST) throw new Wrong(`more than ${DEEPEST} levels`, opened);
    this.#at += 1;
    const element: Element =
      start === "["
        ? { kind: "list", items: this.#items("]", opened, () => this.#element(",]")) }
        : { kind: "mapping", entries: this.#entries(opened) };
    this.#depth -= 1;
    this.#blanks();
    return element;
  }

  /** What stands between brackets, split at commas. */
  #items<Item>(close: string, opened: number, item: () => Item): readonly Item[] {
    const items: Item[] = [];
    this.#blanks();
    if (this.#next === close) {
      this.#at += 1;
      return items;
    }
    const ended = (): boolean => this.#at >= this.text.length;
    for (;;) {
      if (!ended()) items.push(item());
      if (ended()) throw new Wrong(`${this.text[opened] ?? ""} is never closed`, opened);
      if (this.#next !== "," && this.#next !== close) throw this.#unexpected();
      this.#at += 1;
      if (this.text[this.#at - 1] === close) return items;
    }
  }

  #entries(opened: number): readonly (readonly [string, Element])[] {
    const seen = new Set<string>();
    return this.#items("}", opened, () => {
      this.#blanks();
      const start = this.#at;
      const quoted = this.#next === '"' || this.#next === "'";
      const key = quoted ? this.#quoted() : this.#word(":,}");
      if (key.kind !== "text") throw new Wrong("a function is no key", start);
      if (!key.literal && !isBareText(key.text))
        throw new Wrong(`${key.text} is a key that is not text`, start, "Put the key in quotes.");
      if (seen.has(key.text))
        throw new Wrong(`the key ${key.text} is there twice`, start, "Leave one of them out.");
      seen.add(key.text);
      if (this.#next !== ":")
        throw new Wrong(`the key ${key.text} has no value`, start, "Write {key: value}.");
      this.#at += 1;
      return [key.text, this.#element(",}")] as const;
    });
  }

  /**
   * Backslashes count only before a quote: there two are one, and one before a quote of this kind makes it a
   * letter.
   */
  #quoted(): Element {
    const opened = this.#at;
    const quote = this.#next;
    let text = "";
    for (let at = opened + 1; at < this.text.length; at++) {
      const slashes = /^\\*/.exec(this.text.slice(at))?.[0].length ?? 0;
      const after = this.text[at + slashes] ?? "";
      if (after !== quote) {
        text += this.text.slice(at, at + slashes) + after;
        at += slashes;
        continue;
      }
      text += "\\".repeat(Math.floor(slashes / 2));
      at += slashes;
      if (slashes % 2 === 1) {
        text += quote;
        continue;
      }
      this.#at = at + 1;
      this.#blanks();
      return { kind: "text", text, literal: true };
    }
    throw new Wrong(`${quote} is never closed`, opened, "Close the quote, or write \\ before it.");
  }

  #word(ends: string): Element {
    const start = this.#at;
    let text = "";
    let literal = false;
    let kept = 0; // the length that blanks at the end do not reach
    for (; this.#at < this.text.length && !ends.includes(this.#next); this.#at++) {
      const letter = this.#next;
      const following = this.text[this.#at + 1] ?? "";
      if (letter === "\\" && following !== "" && ESCAPED.test(following)) {
        text += following;
        literal = true;
        kept = text.length;
        this.#at += 1;
        continue;
      }
      if (letter === "(") return this.#call(text.slice(0, kept), literal, start);
      if ("[]{})".includes(letter)) throw this.#unexpected();
      if (UNSEEN.test(letter)) throw new Wrong("a control character", this.#at);
      if (letter === "$" && following === "{")
        throw new Wrong("${…} would be an interpolation, which aqm does not have", this.#at);
      text += letter;
      if (!BLANK.test(letter)) kept = text.length;
    }
    if (kept === 0)
      throw new Wrong("an item is empty", start, "Leave out the comma, or write '' for no text.");
    return { kind: "text", text: text.slice(0, kept), literal };
  }

  #call(name: string, literal: boolean, start: number): Element {
    if (literal || !/^[A-Za-z_][\w-]*$/.test(name)) throw this.#unexpected();
    const opened = this.#at;
    this.#depth += 1;
    if (this.#depth > DEEPEST) throw new Wrong(`more than ${DEEPEST} levels`, start);
    this.#at += 1;
    const given = this.#items(")", opened, () => {
      this.#blanks();
      const named = /^([A-Za-z_]\w*)[ \t]*=/.exec(this.text.slice(this.#at));
      this.#at += named?.[0].length ?? 0;
      return { name: named?.[1] ?? null, value: this.#element(",)") };
    });
    this.#depth -= 1;
    this.#blanks();
    return { kind: "call", name, arguments: given };
  }

  #blanks(): void {
    while (this.#at < this.text.length && BLANK.test(this.#next)) this.#at += 1;
  }

  #unexpected(): Wrong {
    return new Wrong(
      `${this.#next} is not expected here`,
      this.#at,
      "Put the text in quotes, or write \\ before the character.",
    );
  }
}
