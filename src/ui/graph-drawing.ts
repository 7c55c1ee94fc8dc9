import type { Picture } from "../plan/picture.ts";
import { columnsOf } from "./columns.ts";
import { foldByOp, type OpGroup } from "./graph-fold.ts";
import { html, lines, type Html } from "./html.ts";
import { VERDICTS } from "./web/data.ts";

const HEIGHT = 74;
/** All boxes are as wide as the longest text needs, so that none is cut. */
const LEAST_WIDTH = 172;
/** At most so many pixels a column of text, in bold names and in the smaller counts. */
const [NAME_PIXELS, COUNT_PIXELS] = [8.4, 6.4];
const PADDING = 12;
const [GAP_X, GAP_Y] = [52, 18];
/** Between the lanes of edges that pass over columns. */
const LANE = 9;

interface Placed extends OpGroup {
  readonly column: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly name: string;
  readonly states: string;
}

/** The ops as boxes from left to right, with how many of their actions are in which state. */
export function opsDrawing(picture: Picture): Html {
  const { groups, edges } = foldByOp(picture);
  const columns = new Map<number, number>();
  const levels = [...new Set(groups.map(({ level }) => level))].sort((a, b) => a - b);
  const columnOf = (group: OpGroup | undefined): number => levels.indexOf(group?.level ?? 0);
  // What passes over a column, or goes back, would be hidden by boxes: it gets a lane above them.
  const far = edges.filter(
    ([from, to]) => from !== to && columnOf(groups[to]) - columnOf(groups[from]) !== 1,
  );
  const top = 10 + (far.length > 0 ? 8 + far.length * LANE : 0);
  const texts = groups.map((group) => ({ name: nameOf(group), states: statesOf(group) }));
  const needed = texts.map(({ name, states }) =>
    Math.max(NAME_PIXELS * columnsOf(name), COUNT_PIXELS * columnsOf(states)),
  );
  const width = Math.ceil(Math.max(LEAST_WIDTH, ...needed.map((one) => one + 2 * PADDING)));
  const placed = groups.map((group, at): Placed => {
    const { name, states } = texts[at] ?? { name: "", states: "" };
    const column = columnOf(group);
    const row = columns.get(column) ?? 0;
    columns.set(column, row + 1);
    const [x, y] = [8 + column * (width + GAP_X), top + row * (HEIGHT + GAP_Y)];
    return { ...group, name, states, column, x, y, width };
  });
  const right = Math.max(0, ...placed.map(({ x }) => x)) + width + 8;
  const bottom = Math.max(0, ...placed.map(({ y }) => y)) + HEIGHT + 8;
  const most = Math.max(1, ...edges.map(([, , count]) => count));
  const arrows = edges.flatMap((one) => {
    const [from, to, count] = one;
    const [a, b] = [placed[from], placed[to]];
    if (a === undefined || b === undefined || a === b) return [];
    const lane = far.indexOf(one);
    return [edge(a, b, count, most, lane < 0 ? null : 10 + lane * LANE)];
  });
  return html`<svg viewBox="0 0 ${right} ${bottom}" width="${right}" height="${bottom}" role="img" aria-label="${picture.nodes.length} actions of ${groups.length} ops">
<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0L8 4L0 8z" class="tip"/></marker></defs>
${lines(arrows)}
${lines(placed.map(box))}
</svg>`;
}

function edge(a: Placed, b: Placed, count: number, most: number, lane: number | null): Html {
  const [x1, y1, x2, y2] = [a.x + a.width, a.y + HEIGHT / 2, b.x - 2, b.y + HEIGHT / 2];
  const half = GAP_X / 2;
  const thick = (1 + 2.5 * (Math.log1p(count) / Math.log1p(most))).toFixed(2);
  const critical = a.critical && b.critical ? " on-path" : "";
  const d =
    lane === null
      ? `M${x1} ${y1}C${x1 + half} ${y1} ${x2 - half} ${y2} ${x2} ${y2}`
      : `M${x1} ${y1}C${x1 + half} ${y1} ${x1} ${lane} ${x1 + half} ${lane}L${x2 - half} ${lane}C${x2} ${lane} ${x2 - half} ${y2} ${x2} ${y2}`;
  return html`<path class="edge${critical}" d="${d}" stroke-width="${thick}" marker-end="url(#tip)"><title>${a.op} → ${b.op}: ${count}</title></path>`;
}

/** The op's name, or the file of its module without its ending. */
const nameOf = ({ op }: OpGroup): string => /([^/]+?)(?:\.[^./]*)?$/.exec(op)?.[1] ?? op;

function statesOf({ counts, gpu }: OpGroup): string {
  const states = VERDICTS.filter((verdict) => counts[verdict] > 0).map(
    (verdict) => `${counts[verdict]} ${verdict}`,
  );
  return `${gpu ? "GPU · " : ""}${states.join(", ")}`;
}

function box({ x, y, width, op, name, states, total, counts, critical }: Placed): Html {
  let at = x + PADDING;
  const bar = VERDICTS.flatMap((verdict) => {
    const part = ((width - 2 * PADDING) * counts[verdict]) / total;
    if (part === 0) return [];
    const rect = html`<rect class="state ${verdict}" x="${at.toFixed(2)}" y="${y + 56}" width="${part.toFixed(2)}" height="8"/>`;
    at += part;
    return [rect];
  });
  return html`<g class="op${critical ? " on-path" : ""}"><title>${op}: ${states}</title><rect class="box" x="${x}" y="${y}" width="${width}" height="${HEIGHT}" rx="8"/><text x="${x + PADDING}" y="${y + 20}" class="name">${name}</text><text x="${x + PADDING}" y="${y + 42}" class="count">${states}</text>${bar}</g>`;
}
