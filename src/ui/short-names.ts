import { clip, columnsOf } from "./columns.ts";

/**
 * Names of targets for lines of limited width. A name that does not fit loses the folders in front that no other
 * target needs to be told apart from it; then the beginning that its folder shares with the folders beside it; then
 * its middle. `a/b/run_1_large/scores.json` beside `a/b/run_2_large/scores.json` becomes `…/run_1_large/scores.json`,
 * then `…1_large/scores.json`.
 */
export class ShortNames {
  #targets: readonly string[] = [];
  /** How many targets end with these folders and this name; null until a name is too long. */
  #ends: ReadonlyMap<string, number> | null = null;
  /** By folder, what is in it. */
  #beside = new Map<string, Set<string>>();

  /** The targets that must not look alike. */
  set(targets: readonly string[]): void {
    this.#targets = targets;
    this.#ends = null;
  }

  /** @param columns that the name may take */
  of(target: string, columns: number): string {
    if (columnsOf(target) <= columns) return target;
    const parts = target.split("/");
    const first = this.#firstThatDiffers(target, parts);
    const tail = parts.slice(first).join("/");
    const short = first === 0 ? target : `…/${tail}`;
    if (columnsOf(short) <= columns) return short;
    const shared = this.#sharedBeginning(parts, first);
    const shorter = shared === 0 ? short : `…${tail.slice(shared)}`;
    return cut(shorter, columns);
  }

  #firstThatDiffers(target: string, parts: readonly string[]): number {
    const ends = this.#ends ?? this.#read();
    if (!ends.has(target)) return 0;
    for (let first = parts.length - 1; first > 0; first--)
      if (ends.get(parts.slice(first).join("/")) === 1) return first;
    return 0;
  }

  #read(): ReadonlyMap<string, number> {
    const ends = new Map<string, number>();
    this.#beside = new Map();
    for (const target of this.#targets) {
      const parts = target.split("/");
      for (let first = 0; first < parts.length; first++) {
        const end = parts.slice(first).join("/");
        ends.set(end, (ends.get(end) ?? 0) + 1);
        const folder = parts.slice(0, first).join("/");
        const names = this.#beside.get(folder) ?? new Set();
        this.#beside.set(folder, names.add(parts[first] ?? ""));
      }
    }
    return (this.#ends = ends);
  }

  /** Of the part `at` and those beside it; it ends behind a `_`, `-` or `.`, so that no word is cut. */
  #sharedBeginning(parts: readonly string[], at: number): number {
    const own = parts[at] ?? "";
    const names = this.#beside.get(parts.slice(0, at).join("/")) ?? new Set();
    if (names.size < 2) return 0;
    let shared = own.length;
    for (const name of names) {
      let same = 0;
      while (same < shared && own[same] === name[same]) same++;
      if (name !== own) shared = same;
    }
    while (shared > 0 && !/[_.-]/.test(own[shared - 1] ?? "")) shared--;
    return shared;
  }
}

/** The folder tells more than the file, whose name many others have; it may take two thirds of the room. */
function cut(name: string, columns: number): string {
  const folder = name.slice(0, name.lastIndexOf("/") + 1);
  const left = columns - columnsOf(folder);
  return folder !== "" && 3 * left >= columns
    ? folder + clip(name.slice(folder.length), left, "ends")
    : clip(name, columns, "ends");
}
