import { html, type Html } from "./shared/html.ts";

/** What is in colour and what is grey, in words: also on paper and without a script. */
export const colourKey = (x: number, y: number, front: string, others: string): Html =>
  html`<g class="key"><path class="curve on" d="M${x} ${y - 4}h18"/><text class="small front" x="${x + 24}" y="${y}">${front}</text><path class="curve" d="M${x + 200} ${y - 4}h18"/><text class="small quiet" x="${x + 224}" y="${y}">${others}</text></g>`;
