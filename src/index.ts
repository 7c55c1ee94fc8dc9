/**
 * The public API of aqm: what an Aqmfile.ts and the rules that it calls may use.
 * Everything here only describes; nothing runs until `aqm build` asks for a target.
 */
export {
  action,
  committed,
  environment,
  file,
  folder,
  from,
  ifThere,
  recordOf,
  local,
  pythonOp,
  region,
  typescriptOp,
} from "./declare/action.ts";
export type { DeclaredAction, Input, Op } from "./declare/action.ts";
export type { Expectation } from "./model/declaration.ts";
// Not by name: what a workspace adds to an interface reaches only a module that exports the whole interface.
export type * from "./declare/python-ops.ts";
export { build, grid, skip } from "./declare/build.ts";
export type { BuildFile, Declared, Skipped } from "./declare/build.ts";
export { configuration, configurationNames } from "./declare/configuration.ts";
export type {
  AdopterModule,
  AdoptionCall,
  AdoptionCandidate,
  AdoptionFinding,
  AdoptionRefusal,
  Contradiction,
  FoundFile,
  WantedAction,
} from "./model/adoption.ts";
export type {
  ComparedFile,
  ComparerModule,
  ComparisonAnswer,
  ComparisonCall,
  RecordedSetting,
  ReproductionAnswer,
  ReproductionCall,
  ReproductionFigure,
} from "./model/comparison.ts";
export type {
  BatchDeclaration,
  EnvironmentDeclaration,
  ExpectedCost,
  GrowthDeclaration,
  OutputDeclaration,
} from "./model/declaration.ts";
export type { Provenance } from "./model/provenance.ts";
export type { SlurmDeclaration, SlurmSettings } from "./model/slurm.ts";
export type { Started, StarterCall, StarterModule, StarterQuestion } from "./model/starter.ts";
export type { OpCall, OpFailure, OpInput, OpOutputs, TypescriptOpModule } from "./model/op.ts";
export type { Failure } from "./model/failure.ts";
export { err, ok } from "./model/result.ts";
export type { Result } from "./model/result.ts";
