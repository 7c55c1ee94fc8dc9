import { scoreText } from "../shared/numbers.ts";
import type { PageData } from "../shared/page-data.ts";
import { shortName } from "../shared/layer-name.ts";
import { find, pointIn } from "./elements.ts";

/** Says which layer and score is behind a cell of the heatmap, to a pointer and to the arrow keys. */
export function startHeatCursor(data: PageData): void {
  const picture = find<SVGSVGElement>("#heatmap");
  const readout = find<HTMLOutputElement>("#heat-readout");
  const holder = picture?.parentElement;
  if (picture === null || readout === null || holder === null || holder === undefined) return;
  const { rows, columns, cells } = data.heat;
  const cursor = document.createElementNS("http://www.w3.org/2000/svg", "g");
  cursor.setAttribute("visibility", "hidden");
  const outlines = ["cursor halo", "cursor"].map((look) => {
    const outline = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    outline.setAttribute("class", look);
    return outline;
  });
  cursor.append(...outlines);
  picture.append(cursor);
  let [row, column] = [0, 0];
  const show = (): void => {
    const cell = cells[row]?.[column];
    const [y, x] = [rows[row], columns[column]];
    if (cell === null || cell === undefined || y === undefined || x === undefined) return;
    const [of, layer] = cell;
    const score = data.scores[of]?.[layer] ?? null;
    const said = score === null ? "kept at 16 bits, not measured" : scoreText(score);
    readout.value = `${shortName(data.layers[layer]?.[0] ?? "")}, ${data.columns[of]?.name ?? ""}: ${said}`;
    for (const [name, value] of Object.entries({
      x: x.x,
      y: y.y,
      width: x.width,
      height: y.height,
    })) {
      for (const outline of outlines) outline.setAttribute(name, String(value));
    }
    cursor.setAttribute("visibility", "visible");
  };
  picture.addEventListener("pointermove", (event) => {
    const { x, y } = pointIn(picture, event);
    const [r, c] = [
      rows.findIndex((one) => y >= one.y && y < one.y + one.height + 2),
      columns.findIndex((one) => x >= one.x && x < one.x + one.width),
    ];
    if (r < 0 || c < 0 || (cells[r]?.[c] ?? null) === null) return;
    [row, column] = [r, c];
    show();
  });
  holder.addEventListener("focus", show);
  holder.addEventListener("keydown", (event) => {
    const move = MOVES[event.key];
    if (move === undefined) return;
    event.preventDefault();
    for (
      let [r, c] = [row + move[0], column + move[1]];
      r in rows && c in columns;
      r += move[0], c += move[1]
    ) {
      if ((cells[r]?.[c] ?? null) === null) continue;
      [row, column] = [r, c];
      break;
    }
    show();
  });
}

const MOVES: Readonly<Record<string, readonly [down: number, right: number]>> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};
