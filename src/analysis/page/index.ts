/**
 * The public face of the pages, apart from that of the analysis: they bring styles and a script for browsers,
 * which other ops should not have to bundle.
 */
export { formatsPage, type FormatsPair } from "./formats-page.ts";
export { analysisPage, type AnalysisPage } from "./analysis-page.ts";
export type { PageAnalysis } from "./page-model.ts";
export type { SkippedPair } from "./pairs-section.ts";
export type { PageSubject } from "./page-sections.ts";
export type { PageSource } from "./provenance.ts";
