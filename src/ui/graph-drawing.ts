import type { Picture } from "../plan/picture.ts";
import { foldByOp, type OpGroup } from "./graph-fold.ts";
import { html, lines, type Html } from "./html.ts";
import { VERDICTS } from "./web/data.ts";

const [WIDTH, HEIGHT] = [172, 74];
const [GAP_X, GAP_Y] = [52, 18];
/** Between the lanes of edges that pass over columns. */
const LANE = 9;

interface Placed extends OpGroup {
  readonly column: number;
  readonly x: number;
  readonly y: number;
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
  const placed = groups.map((group): Placed => {
    const column = columnOf(group);
    const row = columns.get(column) ?? 0;
    columns.set(column, row + 1);
    return { ...group, column, x: 8 + column * (WIDTH + GAP_X), y: top + row * (HEIGHT + GAP_Y) };
  });
  const right = Math.max(0, ...placed.map(({ x }) => x)) + WIDTH + 8;
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
  const [x1, y1, x2, y2] = [a.x + WIDTH, a.y + HEIGHT / 2, b.x - 2, b.y + HEIGHT / 2];
  const half = GAP_X / 2;
  const width = (1 + 2.5 * (Math.log1p(count) / Math.log1p(most))).toFixed(2);
  const critical = a.critical && b.critical ? " on-path" : "";
  const d =
    lane === null
      ? `M${x1} ${y1}C${x1 + half} ${y1} ${x2 - half} ${y2} ${x2} ${y2}`
      : `M${x1} ${y1}C${x1 + half} ${y1} ${x1} ${lane} ${x1 + half} ${lane}L${x2 - half} ${lane}C${x2} ${lane} ${x2 - half} ${y2} ${x2} ${y2}`;
  return html`<path class="edge${critical}" d="${d}" stroke-width="${width}" marker-end="url(#tip)"><title>${a.op} → ${b.op}: ${count}</title></path>`;
}

function box(group: Placed): Html {
  const { x, y, op, total, counts, gpu, critical } = group;
  let at = x + 12;
  const bar = VERDICTS.flatMap((verdict) => {
    const width = ((WIDTH - 24) * counts[verdict]) / total;
    if (width === 0) return [];
    const rect = html`<rect class="state ${verdict}" x="${at.toFixed(2)}" y="${y + 56}" width="${width.toFixed(2)}" height="8"/>`;
    at += width;
    return [rect];
  });
  const states = VERDICTS.filter((verdict) => counts[verdict] > 0)
    .map((verdict) => `${counts[verdict]} ${verdict}`)
    .join(", ");
  const short = /([^/]+?)(?:\.[^./]*)?$/.exec(op)?.[1] ?? op;
  const characters = Array.from(short);
  const name = characters.length > 20 ? `${characters.slice(0, 19).join("")}…` : short;
  return html`<g class="op${critical ? " on-path" : ""}"><title>${op}: ${states}</title><rect class="box" x="${x}" y="${y}" width="${WIDTH}" height="${HEIGHT}" rx="8"/><text x="${x + 12}" y="${y + 20}" class="name">${name}</text><text x="${x + 12}" y="${y + 42}" class="count">${gpu ? `GPU · ${states}` : states}</text>${bar}</g>`;
}
