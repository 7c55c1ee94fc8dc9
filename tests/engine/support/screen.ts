/**
 * A terminal of some columns, as far as the live view uses one: wrapping, going up, erasing. Like a real one it
 * wraps a full row only when the next character comes, so erasing behind a full row takes that row's last cell.
 */
export class Screen {
  #columns: number;
  readonly #widthOf: (character: string) => number;
  /** By row and column; what is in a wide character's second column is empty text. */
  readonly #cells: string[][] = [[]];
  #row = 0;
  #column = 0;
  #wraps = true;
  /** Rows that go on with the text of the row before them. */
  readonly #continued = new Set<number>();

  constructor(columns: number, widthOf: (character: string) => number) {
    this.#columns = columns;
    this.#widthOf = widthOf;
  }

  write(text: string): void {
    for (const [whole, parameter = "", final] of text.matchAll(
      /\u001b\[([?\d]*)(\w)|\P{M}\p{M}*/gsu,
    )) {
      if (final !== undefined) this.#control(parameter, final);
      else if (whole === "\r") this.#column = 0;
      else if (whole === "\n") this.#goTo(this.#row + 1);
      else this.#put(whole);
    }
  }

  /** Another width, as most terminals do it: rows that were one line of text are broken again where they now end. */
  resize(columns: number): void {
    const lines: string[][] = [];
    let [cursorLine, cursorAt] = [0, 0];
    this.#cells.forEach((cells, row) => {
      if (!this.#continued.has(row)) lines.push([]);
      const line = lines.at(-1) ?? [];
      if (row === this.#row)
        [cursorLine, cursorAt] = [lines.length - 1, line.length + this.#column];
      line.push(...cells);
    });
    this.#columns = columns;
    this.#cells.length = 0;
    this.#continued.clear();
    lines.forEach((line, at) => {
      const first = this.#cells.length;
      for (let from = 0; from === 0 || from < line.length; from += columns) {
        if (from > 0) this.#continued.add(this.#cells.length);
        this.#cells.push(line.slice(from, from + columns));
      }
      if (at !== cursorLine) return;
      this.#row = first + Math.floor(cursorAt / columns);
      this.#column = cursorAt % columns;
    });
  }

  get rows(): readonly string[] {
    const rows = this.#cells.map((row) => row.join("").trimEnd());
    while (rows.at(-1) === "") rows.pop();
    return rows;
  }

  #control(parameter: string, final: string): void {
    const last = Math.min(this.#column, this.#columns - 1);
    if (final === "A") this.#row = Math.max(0, this.#row - Number(parameter || "1"));
    else if (final === "K") this.#cells[this.#row]?.splice(last);
    else if (final === "J") {
      this.#cells[this.#row]?.splice(last);
      this.#cells.splice(this.#row + 1);
      for (const row of this.#continued) if (row > this.#row) this.#continued.delete(row);
    } else if (parameter === "?7") this.#wraps = final === "h";
    else if (parameter !== "?25" && final !== "m") throw new Error(`unknown: ${parameter}${final}`);
  }

  #put(character: string): void {
    const width = this.#widthOf(character);
    if (this.#column + width > this.#columns) {
      if (this.#wraps) {
        this.#goTo(this.#row + 1);
        this.#continued.add(this.#row);
      } else this.#column = this.#columns - width;
    }
    const row = (this.#cells[this.#row] ??= []);
    while (row.length < this.#column) row.push(" ");
    row.splice(this.#column, width, character, ...Array.from({ length: width - 1 }, () => ""));
    this.#column += width;
  }

  #goTo(row: number): void {
    this.#row = row;
    this.#column = 0;
    this.#cells[row] ??= [];
  }
}
