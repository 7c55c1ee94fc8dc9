import { VERDICTS, type GraphData } from "./data.ts";

/** One action, as the page shows it. */
export interface Action {
  readonly position: number;
  readonly path: string;
  readonly folders: readonly string[];
  readonly op: string;
  readonly verdict: (typeof VERDICTS)[number];
  readonly gpu: boolean;
  readonly seconds: number | null;
  readonly causes: readonly string[];
  readonly cell: readonly (readonly [axis: string, value: string])[];
  readonly producers: readonly number[];
  readonly consumers: number[];
  readonly sources: readonly string[];
  readonly moreOutputs: readonly string[];
  readonly critical: boolean;
}

export function readActions(data: GraphData): readonly Action[] {
  const text = (at: number): string => data.strings[at] ?? "";
  const folders: (readonly string[])[] = [];
  for (const [parent, name] of data.folders) folders.push([...(folders[parent] ?? []), text(name)]);
  const cells = data.cells.map((cell) => cell.map(([a, v]) => [text(a), text(v)] as const));
  const causes = data.causes.map((list) => list.map(text));
  const onPath = new Set(data.critical.nodes);
  const actions = data.rows.map((row, position): Action => {
    const [folder, name, op, verdict, gpu, seconds, why, cell, back, sources, outputs] = row;
    const above = folders[folder] ?? [];
    return {
      position,
      path: [...above, text(name)].join("/"),
      folders: above,
      op: text(op),
      verdict: VERDICTS[verdict] ?? "unknown",
      gpu: gpu === 1,
      seconds: seconds < 0 ? null : seconds,
      causes: causes[why] ?? [],
      cell: cells[cell] ?? [],
      producers: back.map((steps) => position - steps),
      consumers: [],
      sources: sources.map(text),
      moreOutputs: outputs.map(text),
      critical: onPath.has(position),
    };
  });
  for (const { position, producers } of actions)
    for (const producer of producers) actions[producer]?.consumers.push(position);
  return actions;
}

export const isDue = ({ verdict }: Action): boolean => verdict === "run" || verdict === "unknown";

export function duration(seconds: number): string {
  if (seconds < 0.1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  const two = (value: number): string => String(Math.floor(value)).padStart(2, "0");
  if (minutes < 60) return `${minutes} min ${two(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
}
