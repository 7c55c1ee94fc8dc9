import type { Verdict } from "../model/verdict.ts";
import type { Picture } from "../plan/picture.ts";
import { oneLine } from "./escape.ts";
import { foldByOp } from "./graph-fold.ts";

/** Mermaid lays out that many in a moment, and by default refuses more than 500 edges. */
const MOST = 120;

const CLASSES = [
  "classDef fresh fill:#dcf3e4,stroke:#2f8f5b,color:#10301f",
  "classDef restore fill:#dbeafe,stroke:#2563eb,color:#14264d",
  "classDef run fill:#ffe6cc,stroke:#c2670a,color:#3f2303",
  "classDef unknown fill:#f3f0d7,stroke:#948a1c,color:#35320b",
  "classDef edited fill:#f3e1f7,stroke:#8e3aa5,color:#33123c",
  "classDef blocked fill:#fbdcdc,stroke:#c03434,color:#451111",
];

/** A flow chart for Markdown: of the actions, or, where there are too many to read, of the ops. */
export function graphMermaid(picture: Picture): string {
  const lines = picture.nodes.length > MOST ? opLines(picture) : actionLines(picture);
  return ["flowchart LR", ...lines, ...CLASSES].join("\n");
}

function actionLines({ nodes, critical }: Picture): readonly string[] {
  const steps = new Set(critical.nodes.map((to, at) => `${critical.nodes[at - 1]} ${to}`));
  const edges = nodes.flatMap(({ producers }, to) => producers.map((from) => [from, to] as const));
  const thick = edges.flatMap(([from, to], at) => (steps.has(`${from} ${to}`) ? [at] : []));
  return [
    ...nodes.map(({ target, verdict, gpu }, at) => node(at, [target], gpu, verdict)),
    ...edges.map(([from, to]) => `n${from} --> n${to}`),
    ...(thick.length > 0 ? [`linkStyle ${thick.join(",")} stroke-width:3px`] : []),
  ];
}

function opLines(picture: Picture): readonly string[] {
  const { groups, edges } = foldByOp(picture);
  return [
    `%% ${picture.nodes.length} actions, folded by op`,
    ...groups.map(({ op, total, counts, gpu }, at) => {
      const stale = total - counts.fresh;
      const worst = (["blocked", "edited", "run", "unknown", "restore", "fresh"] as const).find(
        (verdict) => counts[verdict] > 0,
      );
      const text = stale === 0 ? `${total} fresh` : `${total}, ${stale} not fresh`;
      return node(at, [op, text], gpu, worst ?? "fresh");
    }),
    ...edges.map(([from, to, count]) => `n${from} -- ${count} --> n${to}`),
  ];
}

const node = (at: number, lines: readonly string[], gpu: boolean, verdict: Verdict): string =>
  `n${at}["${lines.map(quoted).join("<br/>")}${gpu ? " (GPU)" : ""}"]:::${verdict}`;

/** Mermaid takes HTML entities, and nothing else that could end the text or begin a tag. */
const quoted = (text: string): string =>
  oneLine(text).replace(/[&"<>#`]/g, (character) => `#${character.charCodeAt(0)};`);
