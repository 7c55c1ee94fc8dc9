/** The public face of the page of a model's schemes, apart from others: it brings styles and a script for browsers. */
export { schemesPage, type SchemesPage } from "./page.ts";
