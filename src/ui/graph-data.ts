import { VERDICTS, type GraphData } from "./web/data.ts";
import type { Picture } from "../plan/picture.ts";
import { causeText } from "./format.ts";

/** The picture in few bytes: what repeats is told once. */
export function graphData({ nodes, critical }: Picture): GraphData {
  const strings = new Table<string>((text) => text);
  const folders = new Table<readonly [number, number]>(String);
  const causes = new Table<readonly number[]>(String);
  const cells = new Table<readonly (readonly [number, number])[]>(String);
  const folderOf = (path: string): number => {
    let folder = -1;
    for (const name of path.split("/").slice(0, -1))
      folder = folders.indexOf([folder, strings.indexOf(name)]);
    return folder;
  };
  const nameOf = (path: string): number => strings.indexOf(path.slice(path.lastIndexOf("/") + 1));
  const rows = nodes.map((node, position): GraphData["rows"][number] => [
    folderOf(node.target),
    nameOf(node.target),
    strings.indexOf(node.op),
    VERDICTS.indexOf(node.verdict),
    node.gpu ? 1 : 0,
    node.seconds === null ? -1 : Number(node.seconds.toPrecision(3)),
    causes.indexOf(node.causes.map((cause) => strings.indexOf(causeText(cause)))),
    cells.indexOf(
      Object.entries(node.coordinates).map(
        ([axis, value]) => [strings.indexOf(axis), strings.indexOf(value)] as const,
      ),
    ),
    node.producers.map((producer) => position - producer),
    node.sources.map((path) => strings.indexOf(path)),
    node.outputs.slice(1).map((path) => strings.indexOf(path)),
  ]);
  return {
    strings: strings.items,
    folders: folders.items,
    causes: causes.items,
    cells: cells.items,
    rows,
    critical: { ...critical, seconds: Number(critical.seconds.toPrecision(4)) },
  };
}

/** Each item once, numbered as they come. */
class Table<T> {
  readonly items: T[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #keyOf: (item: T) => string;

  constructor(keyOf: (item: T) => string) {
    this.#keyOf = keyOf;
  }

  indexOf(item: T): number {
    const key = this.#keyOf(item);
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    this.#numbers.set(key, this.items.length);
    return this.items.push(item) - 1;
  }
}
