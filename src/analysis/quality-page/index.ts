/** The public face of pages of measured quality, apart from others: they bring styles and a script for browsers. */
export { qualityPage, type QualityPage } from "./quality-page.ts";
export type { QualitySource } from "./provenance.ts";
