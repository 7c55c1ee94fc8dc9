import { html, styleText, type Html } from "./shared/html.ts";
import { pictureColours } from "./palette.ts";
import styles from "./styles/picture.css?raw";

/** A drawing that goes into a page as well as into a file of its own. */
export interface Picture {
  readonly id: string;
  readonly title: string;
  /** A description for readers who cannot see the picture. */
  readonly description: string;
  readonly width: number;
  readonly height: number;
  readonly body: Html;
  /** Styles beside those that all drawings have. */
  readonly styles?: string;
}

const svg = (
  { id, title, description, width, height, body }: Picture,
  extra: Html,
  style: Html | "",
): Html =>
  html`<svg class="picture" id="${id}" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="${id}-title ${id}-description"${extra}><title id="${id}-title">${title}</title><desc id="${id}-description">${description}</desc>${style}${body}</svg>`;

export const inlinePicture = (picture: Picture): Html =>
  svg(picture, html` width="${picture.width}"`, "");

/** With its colours and a ground to stand on, for Markdown. */
export const pictureFile = (picture: Picture): string =>
  `${svg(
    picture,
    html` xmlns="http://www.w3.org/2000/svg" width="${picture.width}" height="${picture.height}"`,
    html`<style>${styleText(pictureColours() + styles.trim() + (picture.styles ?? "").trim())}</style><rect class="ground" width="100%" height="100%"/>`,
  ).toString()}\n`;

/** Diagonal lines: no measurement, told apart without colour. */
export const HATCH = (id: string): Html =>
  html`<defs><pattern id="${id}-hatch" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path class="hatch" d="M0 0v5"/></pattern></defs>`;
