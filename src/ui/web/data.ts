/** What the graph page is made of, as it lies in the page. */

export const VERDICTS = ["blocked", "edited", "run", "unknown", "restore", "fresh"] as const;

export interface GraphData {
  readonly strings: readonly string[];
  /** Folder it is in (or -1), and name, as a string's number. */
  readonly folders: readonly (readonly [number, number])[];
  /** Lists of strings: why an action is not fresh. */
  readonly causes: readonly (readonly number[])[];
  /** Coordinates: axis and value. */
  readonly cells: readonly (readonly (readonly [number, number])[])[];
  readonly rows: readonly (readonly [
    folder: number,
    name: number,
    op: number,
    verdict: number,
    gpu: number,
    /** -1 where nothing is known. */
    seconds: number,
    causes: number,
    cell: number,
    /** How many rows before this one. */
    producers: readonly number[],
    sources: readonly number[],
    moreOutputs: readonly number[],
  ])[];
  readonly critical: {
    readonly of: "due" | "all";
    readonly nodes: readonly number[];
    readonly seconds: number;
    readonly untimed: number;
  };
}
