import type { Picture } from "../page/picture.ts";
import { html, type Html } from "../page/shared/html.ts";
import { at } from "../page/shared/numbers.ts";
import { KINDS, type RowKind } from "../quality-report/names.ts";
import { placeLabel, type Box } from "../quality-page/label-places.ts";
import { KIND_SHAPES, mark, shapePath, type Shape } from "../quality-page/marks.ts";
import { logAxis, plotFrame, type Axis } from "../quality-page/plot.ts";
import markStyles from "../quality-page/styles/marks.css?raw";
import type { SchemesOverview } from "../schemes-overview/overview.ts";
import { panelsOf, type PanelData, type PlotPoint } from "./panel-data.ts";
import pictureStyles from "./styles/picture.css?raw";

const [LEFT, WIDTH, HEIGHT] = [64, 1060, 380];
/** Room above and below a plot for its title, its axis and the legend. */
const [ABOVE, BELOW] = [56, 96];
const LEGEND_LINE = 20;

/** Size against measured divergence of every scheme of a model: a plot for each held-out data. */
export function overviewPicture(overview: SchemesOverview): Picture {
  const panels = panelsOf(overview);
  return {
    id: "schemes",
    title: "Size against measured KL",
    description:
      "Across, average bits of a weight; up, the KL to the unquantized model in nats a token, logarithmic: lower is better. Each scheme has its name, its 95\u00a0% interval and its controls; filled circles are proven, hollow ones are not, stars are schemes that choose no layers. Compare marks that stand above each other.",
    width: LEFT + WIDTH + 56,
    height: Math.max(1, panels.length) * (ABOVE + HEIGHT + BELOW),
    styles: markStyles + pictureStyles,
    body:
      panels.length === 0
        ? html`<text class="quiet" x="${LEFT}" y="${ABOVE}">no scheme is measured</text>`
        : html`${panels.map((panel, n) => panelMarkup(panel, n * (ABOVE + HEIGHT + BELOW) + ABOVE))}`,
  };
}

function panelMarkup(panel: PanelData, top: number): Html {
  const box: Box = { x: LEFT, y: top, width: WIDTH, height: HEIGHT };
  const lines = panel.frontiers.flatMap(({ points }) => points);
  const all = [...panel.points, ...lines];
  const across = bitsAxis(
    all.map(({ bits }) => bits),
    box,
  );
  const values = [
    ...all.flatMap((point) =>
      isScheme(point) ? [point.kl.value, point.kl.low, point.kl.high] : [point.kl.value],
    ),
    ...panel.goals.map(({ kl }) => kl),
  ];
  const up = logAxis(values, top + HEIGHT, top);
  const schemes = panel.points.filter(isScheme);
  const controls = panel.points.filter((point) => !isScheme(point));
  const names = {
    across:
      panel.counted === "all layers"
        ? "bits a weight, over all layers that can be quantized (16 for what is kept)"
        : "bits a weight, over the layers that the scheme may quantize",
    up: "KL to the unquantized model, nats a token",
  };
  return html`<text class="strong" x="${LEFT}" y="${top - 30}">${panel.title}</text>${plotFrame(box, across, up, names)}${panel.frontiers.map(({ points }) => frontierLine(points, across, up))}${panel.goals.map((goal) => goalLine(goal, box, up))}${controls.map((point) => pointMark(point, across, up))}${schemes.map((point) => bar(point, across, up))}${schemes.map((point) => pointMark(point, across, up))}${labels(panel, box, across, up)}${legend(panel, top + HEIGHT + 58)}`;
}

const isScheme = ({ kind, label }: PlotPoint): boolean =>
  kind === "baseline" || (kind === "solver" && label !== null);

/** Linear, with ticks at round numbers: some ten of them at most. */
function bitsAxis(bits: readonly number[], { x, width }: Box): Axis {
  const [low, high] = [Math.floor(Math.min(...bits)), Math.ceil(Math.max(...bits))];
  const to = Math.max(high, low + 1);
  const [start, end] = [x + 24, x + width - 24];
  const place = (value: number): number => start + ((end - start) * (value - low)) / (to - low);
  const step = to - low > 4 ? 1 : 0.5;
  const ticks: { place: number; text: string }[] = [];
  for (let value = low; value <= to; value += step)
    ticks.push({ place: place(value), text: String(value) });
  return { place, ticks, zero: null };
}

interface Look {
  readonly shape: Shape;
  readonly look: string;
  readonly radius: number;
}

function lookOf({ kind, proven }: Pick<PlotPoint, "kind" | "proven">): Look {
  if (kind === "baseline") return { shape: "star", look: "recipe", radius: 5 };
  const look = kind === "solver" ? `solver ${proven ? "proven" : "hollow"}` : kind;
  return {
    shape: KIND_SHAPES[kind],
    look,
    radius: kind === "solver" ? 5 : kind === "random" ? 2.5 : 4,
  };
}

function pointMark(point: PlotPoint, across: Axis, up: Axis): Html {
  const { radius, ...look } = lookOf(point);
  return mark(look, across.place(point.bits), up.place(point.kl.value), radius, point.says);
}

const bar = ({ bits, kl, kind }: PlotPoint, across: Axis, up: Axis): Html =>
  html`<path class="bar ${kind === "baseline" ? "recipe" : "solver"}" d="M${at(across.place(bits))} ${at(up.place(kl.low))}V${at(up.place(kl.high))}"/>`;

/** Behind everything else: small dots on a line, each with what it is. */
const frontierLine = (points: readonly PlotPoint[], across: Axis, up: Axis): Html =>
  html`<path class="line frontier" d="M${points
    .map(({ bits, kl }) => `${at(across.place(bits))} ${at(up.place(kl.value))}`)
    .join(
      "L",
    )}"/>${points.map(({ bits, kl, says }) => mark({ shape: "circle", look: "frontier" }, across.place(bits), up.place(kl.value), 2.5, says))}`;

const goalLine = ({ text, kl }: PanelData["goals"][number], { x, width }: Box, up: Axis): Html =>
  html`<path class="line goal" d="M${x} ${at(up.place(kl))}H${x + width}"><title>${text}</title></path>`;

/** Every scheme and every uniform plan is named where it stands, goals at the right end of their lines. */
function labels({ points, goals, frontiers }: PanelData, box: Box, across: Axis, up: Axis): Html {
  const placed = points.map((point) => ({
    point,
    x: across.place(point.bits),
    y: up.place(point.kl.value),
  }));
  const named = placed.filter(({ point }) => point.label !== null);
  const taken: Box[] = named.map(({ x, y }) => ({ x: x - 6, y: y - 6, width: 12, height: 12 }));
  const goalNames = goals.map(({ text, kl }) => {
    const end = { x: box.x + box.width, y: up.place(kl) - 9 };
    return { text, label: placeLabel(text, end, box, taken) };
  });
  const lineNames = frontiers.flatMap(({ name, points: own }) => {
    const [last] = own.slice(-1);
    if (last === undefined) return [];
    const end = { x: across.place(last.bits), y: up.place(last.kl.value) };
    return [{ text: name, label: placeLabel(name, end, box, taken) }];
  });
  // Schemes first: they are what the picture is about.
  const ordered = named.toSorted((a, b) => Number(isScheme(b.point)) - Number(isScheme(a.point)));
  const own = ordered.map(({ point, x, y }) => ({
    text: point.label ?? "",
    strong: isScheme(point),
    // Room for two letters more: names of schemes are bold, which is wider.
    label: placeLabel(`${point.label ?? ""}  `, { x, y }, box, taken),
  }));
  return html`${[...goalNames, ...lineNames].map(({ text, label }) => nameMarkup(text, label, "quiet"))}${own.map(({ text, label, strong }) => nameMarkup(text, label, strong ? "strong" : ""))}`;
}

const nameMarkup = (
  text: string,
  { x, y, end }: ReturnType<typeof placeLabel>,
  look: string,
): Html =>
  html`<text class="small name ${look}${end ? " end" : ""}" x="${at(x)}" y="${at(y)}">${text}</text>`;

/** What marks mean that have no name beside them: in as many lines as they need. */
function legend({ points, goals, frontiers }: PanelData, top: number): Html {
  let [x, y] = [LEFT, top];
  const entry = (drawn: (x: number) => Html, text: string): Html => {
    const width = 30 + text.length * 6.4;
    if (x + width > LEFT + WIDTH) [x, y] = [LEFT, y + LEGEND_LINE];
    const here = x;
    x += width;
    return html`${drawn(here)}<text class="small" x="${at(here + 16)}" y="${y + 4}">${text}</text>`;
  };
  const shown = (kind: PlotPoint["kind"], proven: boolean, text: string): Html | "" =>
    points.some((point) => point.kind === kind && point.proven === proven)
      ? entry((from) => {
          const { shape, look } = lookOf({ kind, proven });
          return html`<path class="mark ${shape} ${look}" d="${shapePath(shape, from + 4, y, 4.5)}"/>`;
        }, text)
      : "";
  const line = (look: string, text: string): Html =>
    entry((from) => html`<path class="line ${look}" d="M${at(from - 2)} ${y}h14"/>`, text);
  const kinds = [...new Set(points.map(({ kind }) => kind))].filter(
    (kind): kind is Exclude<RowKind, "recipe" | "solver"> =>
      kind !== "solver" && kind !== "baseline",
  );
  return html`<g class="key">${shown("solver", true, "scheme, proven")}${shown("solver", false, "scheme, not proven")}${shown("baseline", false, "chooses no layers")}${kinds.map((kind) => shown(kind, false, kind === "start" ? KINDS.start.name : `control: ${KINDS[kind].name}`))}${goals.length > 0 ? line("goal", "goal") : ""}${frontiers.length > 0 ? line("frontier", "measured frontier") : ""}</g>`;
}
