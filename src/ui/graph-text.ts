import type { Picture, PictureNode } from "../plan/picture.ts";
import { oneLine } from "./escape.ts";
import { causeText, durationText, plural } from "./format.ts";
import { paintVerdict } from "./plan-view.ts";
import type { Colours } from "./reporter.ts";

/** As many alike beside each other are shown one by one; of more, the rest is counted. */
const SHOWN = 6;
/** Further in than this, a line has no room left. */
const DEEPEST = 24;

/** The graph as a tree from what was asked for to what it is made from; each action's own part is shown once. */
export function graphText(picture: Picture, colours: Colours, everything: boolean): string {
  const { nodes } = picture;
  const made = new Set(nodes.flatMap(({ producers }) => producers));
  const tips = nodes.flatMap((_, position) => (made.has(position) ? [] : [position]));
  const shown = new Set<number>();
  const lines: string[] = [];
  interface Open {
    readonly position: number | null;
    readonly text: string;
    readonly depth: number;
    readonly branch: string;
    readonly indent: string;
    /** The target that it is shown under. */
    readonly above: string;
  }
  const open: Open[] = [];
  const push = (
    positions: readonly number[],
    depth: number,
    indent: string,
    above: string,
  ): void => {
    const rows = everything
      ? positions.map((position) => ({ position, text: "" }))
      : folded(nodes, positions);
    const entries = rows.map((row, at): Open => {
      const last = at === rows.length - 1;
      const [branch, bar] = depth === 0 ? ["", ""] : last ? ["└─ ", "   "] : ["├─ ", "│  "];
      return { ...row, depth, above, branch: indent + branch, indent: indent + bar };
    });
    open.push(...entries.reverse());
  };
  push(tips, 0, "", "");
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { position, branch, indent, depth } = next;
    const node = position === null ? undefined : nodes[position];
    if (position === null || node === undefined) {
      lines.push(colours.dim(`${branch}${next.text}`));
      continue;
    }
    const again = shown.has(position) && node.producers.length > 0;
    const name = beside(node.target, next.above);
    lines.push(
      `${branch}${headline(node, name, colours)}${again ? colours.dim(" (see above)") : ""}`,
    );
    if (again) continue;
    shown.add(position);
    if (depth < DEEPEST) push(node.producers, depth + 1, indent, node.target);
    else if (node.producers.length > 0) lines.push(colours.dim(`${indent}   …`));
  }
  return [...lines, ...criticalLines(picture, colours)].join("\n");
}

/** The first few of each op, and how many more there are. */
function folded(
  nodes: readonly PictureNode[],
  positions: readonly number[],
): readonly { readonly position: number | null; readonly text: string }[] {
  const byOp = new Map<string, number[]>();
  for (const position of positions) {
    const op = nodes[position]?.op ?? "";
    const list = byOp.get(op);
    if (list === undefined) byOp.set(op, [position]);
    else list.push(position);
  }
  return [...byOp].flatMap(([op, list]) => {
    const few = list.length > SHOWN + 1 ? list.slice(0, SHOWN) : list;
    const rest = list.slice(few.length);
    const rows = few.map((position) => ({ position, text: "" }));
    if (rest.length === 0) return rows;
    const stale = rest.filter((position) => nodes[position]?.verdict !== "fresh").length;
    const text = `… ${rest.length} more of ${oneLine(op)}: ${rest.length - stale} fresh, ${stale} not`;
    return [...rows, { position: null, text }];
  });
}

/** A neighbour in the same folder needs no more than its name. */
function beside(target: string, above: string): string {
  const folder = above.slice(0, above.lastIndexOf("/") + 1);
  const rest = target.slice(folder.length);
  return folder !== "" && target.startsWith(folder) && !rest.includes("/") ? `./${rest}` : target;
}

function headline(node: PictureNode, name: string, colours: Colours): string {
  const { verdict, gpu, causes, seconds } = node;
  const first = causes[0];
  const more = causes.length > 1 ? ` and ${causes.length - 1} more` : "";
  const due = verdict === "run" || verdict === "unknown";
  const details = [
    ...(due && seconds !== null ? [durationText(seconds)] : []),
    ...(first === undefined ? [] : [`${causeText(first)}${more}`]),
  ].join("; ");
  const lane = gpu ? colours.yellow(" GPU") : "";
  const tail = details === "" ? "" : colours.dim(`  ${details}`);
  return `${paintVerdict(verdict, colours)} ${oneLine(name)}${lane}${tail}`;
}

function criticalLines({ critical, nodes }: Picture, colours: Colours): readonly string[] {
  if (critical.nodes.length === 0) return [];
  const what = critical.of === "due" ? "what is due" : "making everything again";
  const untimed = critical.untimed > 0 ? `; ${critical.untimed} never timed come on top` : "";
  const head = `critical path of ${what}: ${durationText(critical.seconds)}, ${plural(critical.nodes.length, "action")}${untimed}`;
  const steps = critical.nodes.flatMap((position) => {
    const node = nodes[position];
    if (node === undefined) return [];
    const time = node.seconds === null ? "never timed" : durationText(node.seconds);
    return [`  ${time.padStart(12)}  ${oneLine(node.target)}`];
  });
  return ["", colours.bold(head), ...steps];
}

/** The picture as data, for `--json`. */
export function graphJson({ nodes, critical, cost }: Picture): object {
  const onPath = new Set(critical.nodes);
  return {
    targets: nodes.map(({ producers, ...node }, position) => ({
      ...node,
      producers: producers.flatMap((at) => nodes[at]?.target ?? []),
      critical: onPath.has(position),
    })),
    ...(cost === undefined ? {} : { cost }),
    critical: {
      ...critical,
      nodes: critical.nodes.flatMap((at) => nodes[at]?.target ?? []),
    },
  };
}
