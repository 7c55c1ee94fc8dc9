/** The public face of the page of compared engines, apart from others: it brings styles and a script for browsers. */
export { enginesPage, type EnginesPage } from "./page.ts";
