import type { Picture, PictureNode } from "../plan/picture.ts";
import { causeText, durationText } from "./format.ts";
import { html, lines, type Html } from "./html.ts";

/** So many targets are listed; a browser without a script would be slow with more. */
const MOST = 20_000;
/** So many targets that are not fresh are to be seen at once; of more, one unfolds the folders that one wants. */
const UNFOLDED = 200;

/** All targets by folder, each with its state, time and first cause: what a browser shows without a script. */
export function targetList({ nodes, critical }: Picture): Html {
  const onPath = new Set(critical.nodes);
  const folders = new Map<string, { readonly node: PictureNode; readonly critical: boolean }[]>();
  nodes.slice(0, MOST).forEach((node, position) => {
    const folder = node.target.slice(0, Math.max(0, node.target.lastIndexOf("/")));
    const inside = folders.get(folder) ?? [];
    inside.push({ node, critical: onPath.has(position) });
    folders.set(folder, inside);
  });
  const due = nodes.filter(({ verdict }) => verdict !== "fresh").length;
  const parts = [...folders].map(([folder, inside]) => {
    const stale = inside.filter(({ node }) => node.verdict !== "fresh").length;
    const items = inside.map(({ node, critical: on }) => itemOf(node, on));
    const count = `${inside.length}${stale === 0 ? ", all fresh" : `, ${stale} not fresh`}`;
    return html`<details${stale > 0 && due <= UNFOLDED ? html` open` : ""}><summary><span class="path">${folder === "" ? "." : folder}</span> (${count})</summary><ul>${items}</ul></details>`;
  });
  const left = nodes.length - MOST;
  const more = left > 0 ? html`<p>… and ${left} more: aqm list shows all.</p>` : "";
  return html`${lines(parts)}${more}`;
}

function itemOf({ target, verdict, seconds, causes }: PictureNode, critical: boolean): Html {
  const due = verdict === "run" || verdict === "unknown";
  const facts = [
    verdict,
    ...(due ? [seconds === null ? "never timed" : `about ${durationText(seconds)}`] : []),
    ...(critical ? ["★ critical path"] : []),
  ];
  const name = target.slice(target.lastIndexOf("/") + 1);
  const [first] = causes;
  const more = causes.length > 1 ? ` and ${causes.length - 1} more` : "";
  const because = first === undefined ? "" : html`<br><small>${causeText(first)}${more}</small>`;
  return html`<li><span class="badge ${verdict}"></span><span class="path">${name}</span> ${facts.join(" · ")}${because}</li>`;
}
