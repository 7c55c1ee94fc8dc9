import type { Failure } from "../../model/failure.ts";
import type { Json } from "../../model/json.ts";
import { isReservedKey } from "../../model/reserved-key.ts";
import { err, ok, type Result } from "../../model/result.ts";
import { usage, type Element } from "./element.ts";
import { readWord } from "./word.ts";

/** The value that an element stands for. A function in it is refused: a sweep is the whole of a value. */
export function valueOfElement(element: Element): Result<Json, Failure> {
  switch (element.kind) {
    case "text":
      return element.literal ? ok(element.text) : readWord(element.text);
    case "list": {
      const items: Json[] = [];
      for (const item of element.items) {
        const value = valueOfElement(item);
        if (!value.ok) return value;
        items.push(value.value);
      }
      return ok(items);
    }
    case "mapping": {
      const entries: [string, Json][] = [];
      for (const [key, item] of element.entries) {
        if (isReservedKey(key)) return err(reserved(key));
        const value = valueOfElement(item);
        if (!value.ok) return value;
        entries.push([key, value.value]);
      }
      return ok(Object.fromEntries(entries));
    }
    case "call":
      return err(
        usage(
          `${element.name}(…) cannot be part of a value`,
          "A function that sweeps is all of a value: key=range(1,4). Put it in quotes if it is text.",
        ),
      );
  }
}

export const reserved = (key: string): Failure =>
  usage(`${key} is not a key`, "Take another name: every object has this one already.");

/** The name of an option or of an axis value; null for what is no name. */
export const nameOfElement = (element: Element): string | null =>
  element.kind === "text" ? element.text : null;
