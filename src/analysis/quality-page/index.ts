/** The public face of pages and pictures of measured quality, apart from others: they bring styles and a script for browsers. */
export { pictureFile } from "../page/picture.ts";
export { schemesPicture, type DrawnScheme } from "./schemes-picture.ts";
export { qualityPage, type QualityPage } from "./quality-page.ts";
export type { QualitySource } from "./provenance.ts";
