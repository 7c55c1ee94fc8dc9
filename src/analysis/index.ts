/**
 * The public face of the analysis: pure functions from measured scores to bit
 * plans, manifests and reports. Modules in here import each other directly, never this file.
 */
export type { AnalysisFailure, AnalysisFailureReason, Analysed } from "./result/result.ts";
export { parsePythonJson } from "./python-json/parse.ts";
export { writePythonJson } from "./python-json/write.ts";
export {
  isPyFloat,
  isPyList,
  isPyObject,
  numericValue,
  pyFloat,
  pyObject,
  type PyFloat,
  type PyJson,
  type PyList,
  type PyObject,
} from "./python-json/value.ts";
export type {
  Measured,
  QuantizedModule,
  ScoreGroup,
  ScoreScope,
  ScoredFormat,
  Scores,
  TakenOver,
} from "./scores/scores.ts";
export { readScores } from "./scores/read-scores.ts";
export { checkExercised } from "./scores/check-exercised.ts";
export { formatLabel, parseFormatLabel, UNQUANTIZED, type FormatOfLabel } from "./formats/label.ts";
export { effectiveBits, weightCost } from "./formats/cost.ts";
export { adjustedBits, type WeightShare } from "./formats/adjusted-bits.ts";
export type { Quantizer, PairQuantizers } from "./formats/quantizer.ts";
export { numberName, scaleGroup } from "./formats/quantizer.ts";
export {
  activationBits,
  bitsPerWeight,
  chargedBits,
  storedBits,
  weightStorage,
  type MatrixShape,
  type WeightStorage,
} from "./formats/storage.ts";
export { applyGranularity, type Granularity } from "./formats/granularity.ts";
export { exportLabel } from "./formats/export-label.ts";
export {
  capability,
  KNOWN_MODELOPT,
  type Capability,
  type Circumstances,
  type Device,
  type Purpose,
} from "./formats/capability.ts";
export type {
  BitPlan,
  BitProblem,
  Candidate,
  Choice,
  ChoiceGroup,
  PlanBits,
} from "./solve/problem.ts";
export { solveBitPlan } from "./solve/solve-bit-plan.ts";
export {
  choicesAt,
  planWithin,
  pointWithin,
  solveFrontier,
  thinFrontier,
  type Frontier,
} from "./solve/frontier.ts";
export type { FrontierPoint } from "./solve/frontier-points.ts";
export { meansGroup } from "./groups/layer-pattern.ts";
export { applyRules, type LayerRule } from "./bit-plan/layer-rules.ts";
export { solveFamilies, type FamilyBudget } from "./bit-plan/families.ts";
export { highestScore, normaliseScores } from "./bit-plan/normalise.ts";
export { asModelOptSees, modelOptOrder, type NamedFormat } from "./bit-plan/modelopt-view.ts";
export {
  countedBits,
  problemFromCandidates,
  type BitCount,
  type PlanCandidate,
} from "./bit-plan/plan-candidates.ts";
export {
  problemAsSet,
  type PlanProblem,
  type PlanSearch,
  type PlanSettings,
  type ScoreUnit,
} from "./bit-plan/plan-settings.ts";
export {
  budgetBits,
  gigabytesOf,
  planRequest,
  type Budget,
  type PlanRequest,
  type RequestedPlan,
} from "./bit-plan/plan-request.ts";
export {
  quantConfig,
  type PlanFormat,
  type QuantConfig,
  type QuantConfigEntry,
} from "./plan-export/quant-config.ts";
export { recipeYaml } from "./plan-export/recipe.ts";
export { frontierJson, planJson, readFrontier, type PlanContext } from "./plan-export/documents.ts";
export { readBitPlan, type PublishedBitPlan } from "./plan-export/read-bit-plan.ts";
export { problemFromScores } from "./solve/problem-from-scores.ts";
export { problemFromManifest } from "./manifest/problem-from-manifest.ts";
export type {
  LayerSensitivity,
  Manifest,
  MeasuredBasis,
  SearchResult,
  SensitivityCandidate,
} from "./manifest/manifest.ts";
export { buildManifest, type ManifestInputs, type SchemeInfo } from "./manifest/build-manifest.ts";
export type { CalibrationSource, DatasetInfo } from "./manifest/dataset-info.ts";
export { readManifest } from "./manifest/read-manifest.ts";
export { jsonReport, type JsonReportOptions } from "./report/json-report.ts";
export { yamlText, type YamlValue } from "./text/yaml.ts";
export { markdownReport, type MarkdownReportOptions } from "./report/markdown-report.ts";
export { scoresFromManifest } from "./manifest/scores-from-manifest.ts";
export { checkFigures } from "./manifest/check-figures.ts";
export {
  GENERATIONS,
  manifestGenerations,
  markdownGeneration,
  reportStyle,
  type Generation,
  type ReportStyle,
} from "./report/generation.ts";
export type { NoneRows } from "./report/sensitivity-rows.ts";
export {
  compareSubjects,
  COMPARISON_DEFAULTS,
  type Comparison,
  type ComparisonOptions,
} from "./compare/compare.ts";
export { comparisonSet, type ComparisonSet, type Member } from "./compare/comparison-set.ts";
export { comparisonSetJson, comparisonSetText } from "./compare/comparison-set-text.ts";
export { comparisonText } from "./compare/comparison-text.ts";
export { placesOf, rankCorrelation, type RankCorrelation } from "./compare/rank-correlation.ts";
export {
  REPRODUCTION_TOLERANCES,
  reproductionOf,
  type AnalysisReproduction,
} from "./compare/reproduction.ts";
export { readSubject, type Subject } from "./compare/subject.ts";
export type { Measurement } from "./report/measurement.ts";
export { pairsTable, runsTable, type TableRun } from "./report/runs-table.ts";
export type { Figure, QualityFigures } from "./quality/figures.ts";
export type {
  Against,
  BudgetVerdict,
  Correlation,
  Definition,
  MeasuredAlone,
  MeasuredFrontier,
  MeasuredPlan,
  MeasuredRecipe,
  Weights,
  Word,
} from "./quality/measured-frontier.ts";
export {
  measureFrontier,
  type FrontierSource,
  type RecipeSource,
} from "./quality/measure-frontier.ts";
export { measuredFrontierJson, readMeasuredFrontier } from "./quality/measured-frontier-json.ts";
export { overviewJson, readOverview, type Overview } from "./quality/overview.ts";
export {
  alonePlans,
  documentNames,
  makePlans,
  type MadePlan,
  type PlanSet,
} from "./quality/make-plans.ts";
export { overviewOf, searchable } from "./quality/overview-of.ts";
export {
  ALONE,
  planDocumentJson,
  planName,
  uniformName,
  type NamedPlan,
  type PlanDocument,
  type PlanKind,
} from "./quality/plan-document.ts";
export { readQuality, type QualityDocument } from "./quality/quality-document.ts";
export { qualityMarkdown, type QualityFiles } from "./quality-report/quality-markdown.ts";
export {
  EXPORT_FORMATS,
  type Achieved,
  type Dropped,
  type ExportFormat,
  type Ranking,
  type Scheme,
  type SchemeChoice,
  type SchemeLayer,
  type SearchStart,
} from "./schemes/scheme.ts";
export { readScheme, schemeJson } from "./schemes/scheme-document.ts";
export { chooseScheme, type ChosenScheme, type SchemeRequest } from "./schemes/choose-scheme.ts";
export { readCheckpointTensors, type CheckpointTensors } from "./schemes/checkpoint-tensors.ts";
export { checkpointGroups } from "./schemes/checkpoint-groups.ts";
export { schemePlans, type SchemePlans } from "./schemes/scheme-plans.ts";
export { coverageJson, type Coverage } from "./schemes/coverage.ts";
export { storedForm, type Storable, type StoredForm } from "./schemes/stored-form.ts";
export type { PlanToTake } from "./schemes/choice.ts";
export type { SchemeCandidate, SchemeModel } from "./schemes/scheme-groups.ts";
export {
  controlNames,
  ONE_PLAN,
  planBits,
  SCHEME_PLAN,
  schemeControls,
  schemePlanDocument,
  startName,
  type ControlSet,
} from "./schemes/controls.ts";
export {
  plannedSizes,
  plannedSizesJson,
  readPlannedSizes,
  type PlannedSize,
} from "./schemes/planned-sizes.ts";
export { judgeScheme, type SchemeControls, type SchemeSource } from "./schemes/judge-scheme.ts";
export { readSchemeQuality, schemeQualityJson } from "./schemes/scheme-quality-json.ts";
export type { MeasuredControl, SchemeQuality, SchemeVerdict } from "./schemes/scheme-quality.ts";
export { aloneDocument, readAlone, type AloneKl } from "./search/alone.ts";
export { foundPlan, startPlans, type FoundPlan } from "./search/found-plan.ts";
export { searchProblemJson } from "./search/problem-json.ts";
export { searchProblem, type SearchedChoice } from "./search/search-problem.ts";
export { readSearchResult } from "./search/search-result.ts";
export {
  notChecked,
  schemeReport,
  type ReportedExport,
  type ReportedScheme,
  type ReportedStatus,
  type SchemeReport,
} from "./scheme-report/scheme-report.ts";
export { schemeReportJson } from "./scheme-report/report-json.ts";
export { schemeReportMarkdown } from "./scheme-report/report-markdown.ts";
export { readExportCheck, type ExportCheck } from "./schemes/export-check.ts";
export { readServingStatus, type ServingStatus } from "./schemes/serving-status.ts";
export {
  compareSchemes,
  type ComparedScheme,
  type SchemeComparison,
} from "./scheme-compare/compare-schemes.ts";
export { layerDifferences, type LayerDifferences } from "./scheme-compare/layer-differences.ts";
export { LAYERS_SHOWN, schemeComparisonText } from "./scheme-compare/comparison-text.ts";
export type { SchemesOverview, ShownScheme } from "./schemes-overview/overview.ts";
export { schemesOverviewJson } from "./schemes-overview/overview-json.ts";
export {
  schemesOverviewMarkdown,
  type OverviewFiles,
} from "./schemes-overview/overview-markdown.ts";
export { schemesReadme, type ReadmeFiles } from "./schemes-overview/readme-table.ts";
export { readAnswers, type AnswersDocument } from "./evaluation/answers-document.ts";
export type {
  Answer,
  AnsweredPrompt,
  Evaluation,
  ExportedSize,
  MeasuredOn,
  SpeedOf,
} from "./evaluation/evaluation.ts";
export { evaluate, type EvaluationSource } from "./evaluation/evaluate.ts";
export { evaluationJson, readEvaluation } from "./evaluation/evaluation-json.ts";
export { evaluationMarkdown } from "./evaluation/evaluation-markdown.ts";
export { sameAnswers, sideBySide, type Run, type SideBySide } from "./evaluation/side-by-side.ts";
export { timed, type Served } from "./evaluation/timed.ts";
export { opSensitivityMarkdown, readOpSensitivity } from "./report/op-sensitivity.ts";
export { OWN_DRAW, type EngineComparison } from "./engine-comparison/comparison.ts";
export { alignedOpinions, type Opinion, type OpinionSource } from "./engine-comparison/opinions.ts";
export { enginePlanNames, enginePlans } from "./engine-comparison/engine-plans.ts";
export { plansOverviewJson, readPlansOverview } from "./engine-comparison/plans-overview.ts";
export { judgeEngines, type EngineComparisonSource } from "./engine-comparison/judge-engines.ts";
export { engineComparisonJson } from "./engine-comparison/comparison-json.ts";
export {
  engineComparisonMarkdown,
  type EngineFiles,
} from "./engine-comparison/comparison-markdown.ts";
