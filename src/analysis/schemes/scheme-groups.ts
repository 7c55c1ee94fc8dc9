import { UNQUANTIZED } from "../formats/label.ts";
import type { PairQuantizers } from "../formats/quantizer.ts";
import type { MatrixShape } from "../formats/storage.ts";
import { failed, ok, type Analysed } from "../result/result.ts";
import type { BitProblem, ChoiceGroup } from "../solve/problem.ts";
import { weightsOf, type CheckpointTensors, type ModuleWeight } from "./checkpoint-tensors.ts";
import type { Dropped, ExportFormat } from "./scheme.ts";
import { storedForm, whyUnfit, type StoredForm } from "./stored-form.ts";

/** A format as plans name it. */
export interface SchemeCandidate {
  readonly name: string;
  readonly quantizers: PairQuantizers;
}

/** What a scheme is chosen for. */
export interface SchemeModel {
  readonly tensors: CheckpointTensors;
  readonly candidates: readonly SchemeCandidate[];
  readonly exports: readonly ExportFormat[];
}

/** A layer group, and what its weight takes on the disk. */
export interface SchemeGroup {
  /** With all candidates of the problem. */
  readonly group: ChoiceGroup;
  /** Bytes of its modules' weights by export format and candidate; only where all modules fit. */
  readonly bytes: ReadonlyMap<ExportFormat, ReadonlyMap<string, number>>;
  /** Bytes of its modules' weights as the checkpoint has them. */
  readonly keptBytes: number;
  /** Why the group cannot have a candidate, by its name. */
  readonly unfit: ReadonlyMap<string, string>;
}

/** The groups of a model as a scheme sees them. */
export interface SchemeGroups {
  /** Those that may be quantized. */
  readonly open: readonly SchemeGroup[];
  /** Those of the scope that no server takes quantized; plans have to name them as `NONE`. */
  readonly kept: readonly ChoiceGroup[];
  /** All groups of the problem, in module order. */
  readonly all: readonly ChoiceGroup[];
  readonly dropped: readonly Dropped[];
}

/** Module that turns the last hidden state into the scores of words. */
const HEAD = "lm_head";

/**
 * Which groups may be quantized, with what, and what that takes.
 *
 * The output layer is none of them unless it is asked for. A layer whose weight is no matrix is none either:
 * vLLM computes convolutions in high precision.
 */
export function schemeGroups(
  { groups }: BitProblem,
  model: SchemeModel,
  withHead: boolean,
): Analysed<SchemeGroups> {
  const head = groups.find(({ name }) => name === HEAD);
  if (withHead && (head?.candidates.length ?? 1) < 2) {
    const what = "The scheme may quantize lm_head, but its scores do not have it";
    return failed(
      "constraint_unmet",
      HEAD,
      `${what}. Score with include_lm_head, or leave it out.`,
    );
  }
  const forms = formsOf(model);
  if (!forms.ok) return forms;
  const open: SchemeGroup[] = [];
  const kept: ChoiceGroup[] = [];
  const dropped: Dropped[] = [];
  for (const group of groups) {
    if (group.candidates.length < 2 || (group === head && !withHead)) continue;
    const weights = weightsOfModules(group, model.tensors);
    if (!weights.ok) return weights;
    const odd = weights.value.find(({ shape }) => shape.length !== 2);
    if (odd !== undefined) {
      kept.push(group);
      const because = `vLLM computes convolutions in high precision, and its weight has ${odd.shape.length} dimensions`;
      for (const { name } of model.candidates)
        dropped.push({ group: group.name, candidate: name, because });
      continue;
    }
    open.push(schemeGroup(group, weights.value, forms.value));
  }
  if (open.length === 0) {
    const what = "No layer may be quantized";
    return failed("no_candidates", "", `${what}. Take a larger scope, or allow lm_head.`);
  }
  return ok({ open, kept, all: groups, dropped });
}

type Forms = ReadonlyMap<ExportFormat, ReadonlyMap<string, StoredForm>>;

function formsOf({ candidates, exports }: SchemeModel): Analysed<Forms> {
  const forms = new Map<ExportFormat, Map<string, StoredForm>>();
  for (const format of exports) {
    const of = new Map<string, StoredForm>();
    for (const { name, quantizers } of candidates) {
      const stored = storedForm(quantizers, format);
      if ("because" in stored) {
        const what = `${name} cannot be exported as ${format}: ${stored.because}`;
        return failed("not_exportable", name, `${what}. Take another candidate or another export.`);
      }
      of.set(name, stored.form);
    }
    forms.set(format, of);
  }
  return ok(forms);
}

function weightsOfModules(
  { name, modules = [name] }: ChoiceGroup,
  tensors: CheckpointTensors,
): Analysed<readonly ModuleWeight[]> {
  const weights: ModuleWeight[] = [];
  for (const module of modules) {
    const own = weightsOf(tensors, module);
    if (own.length === 0) {
      const what = `The checkpoint has no weight of ${module}, so that its size cannot be told`;
      return failed(
        "groups_differ",
        module,
        `${what}. Measure the scores on this checkpoint; experts whose weights are one tensor of the files have no scheme.`,
      );
    }
    weights.push(...own);
  }
  return ok(weights);
}

function schemeGroup(
  group: ChoiceGroup,
  weights: readonly ModuleWeight[],
  forms: Forms,
): SchemeGroup {
  const shapes = weights.map(({ shape: [rows = 0, columns = 0] }): MatrixShape => ({
    rows,
    columns,
  }));
  const unfit = new Map<string, string>();
  const bytes = new Map<ExportFormat, ReadonlyMap<string, number>>();
  for (const [format, of] of forms) {
    const sizes = new Map<string, number>();
    for (const [candidate, form] of of) {
      const why = shapes.map((shape) => whyUnfit(form, shape)).find((reason) => reason !== null);
      if (why === undefined) sizes.set(candidate, sum(shapes.map((shape) => form.bytes(shape))));
      else unfit.set(candidate, why);
    }
    bytes.set(format, sizes);
  }
  return { group, bytes, unfit, keptBytes: sum(weights.map(({ bytes: own }) => own)) };
}

const sum = (values: readonly number[]): number =>
  values.reduce((total, value) => total + value, 0);

/** The groups that may be quantized, without candidates that do not fit; which these were, and why. */
export function fitting({ open }: SchemeGroups): {
  readonly groups: readonly SchemeGroup[];
  readonly dropped: readonly Dropped[];
} {
  const dropped: Dropped[] = [];
  const groups: SchemeGroup[] = [];
  for (const each of open) {
    const { group, unfit } = each;
    for (const [candidate, because] of unfit)
      dropped.push({ group: group.name, candidate, because });
    const candidates = group.candidates.filter(({ format }) => !unfit.has(format));
    groups.push({ ...each, group: { ...group, candidates } });
  }
  return { groups, dropped };
}

/** Size of all tensors of the checkpoint in an export format, in bytes. */
export function checkpointBytes(
  { bytes }: CheckpointTensors,
  groups: readonly SchemeGroup[],
  formatOf: (group: string) => string,
  format: ExportFormat,
): number {
  return groups.reduce((total, { group, bytes: by, keptBytes }) => {
    const chosen = formatOf(group.name);
    if (chosen === UNQUANTIZED) return total;
    return total - keptBytes + (by.get(format)?.get(chosen) ?? NaN);
  }, bytes);
}
