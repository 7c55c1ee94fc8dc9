import { failed, ok, type Analysed } from "../result/result.ts";
import type { Against } from "../quality/measured-frontier.ts";
import { environmentOf, isOfSize, judgedIn, type Whole } from "../quality/judged-documents.ts";
import { PairedBootstrap, type KlSums } from "../quality/paired-bootstrap.ts";
import type { QualityDocument } from "../quality/quality-document.ts";
import { agreement } from "../quality/same-basis.ts";
import { verdictOf, type Standard } from "../quality/verdict.ts";
import { SCHEME_PLAN } from "./controls.ts";
import { planDigest } from "./plan-digest.ts";
import type { PlannedSize } from "./planned-sizes.ts";
import type { Scheme } from "./scheme.ts";
import type { MeasuredControl, SchemeQuality, SchemeVerdict } from "./scheme-quality.ts";

/** What a scheme is judged by. */
export interface SchemeSource extends Pick<
  SchemeQuality,
  "weights" | "calibration" | "definition"
> {
  /** Which part of the held-out data. */
  readonly part: string;
  readonly scheme: Pick<
    Scheme,
    "name" | "model" | "scope" | "size" | "achieved" | "layers" | "search"
  >;
  /** The scheme's own measurement: a document of one plan. */
  readonly measured: QualityDocument;
  readonly against: SchemeControls;
}

/** Controls with what was measured of each by its name, or why there are none. */
export type SchemeControls =
  | {
      /** The scheme's own plan, then the controls. */
      readonly sizes: readonly PlannedSize[];
      readonly measured: ReadonlyMap<string, QualityDocument>;
    }
  | { readonly unjudged: string };

/** Sizes that a scheme's document and its controls say, which differ by rounding alone. */
const SAME_BITS = 1e-6;

/** Measurements of a scheme and its controls → its figures, and the word for it. */
export function judgeScheme(source: SchemeSource): Analysed<SchemeQuality> {
  const { scheme, definition, weights, calibration, part, against } = source;
  const { bits } = scheme.achieved;
  const documents: (readonly [string, QualityDocument])[] = [];
  const own = onePlan(source.measured, SCHEME_PLAN);
  if (!own.ok) return own;
  documents.push([SCHEME_PLAN, own.value]);
  if ("sizes" in against) {
    const [first, ...others] = against.sizes;
    if (first?.name !== SCHEME_PLAN || Math.abs(first.bits - bits) > SAME_BITS) {
      return failed(
        "figures_disagree",
        scheme.name,
        `The scheme has ${bits} bits a weight, and its controls were made for ${first?.bits ?? "no plan"}. Build the scheme again.`,
      );
    }
    for (const { name } of others) {
      const document = onePlan(against.measured.get(name), name);
      if (!document.ok) return document;
      documents.push([name, document.value]);
    }
  }
  const basis = agreement(documents);
  if (!basis.ok) return basis;
  const { heldOut, reference, sampleTokens } = basis.value;
  const bootstrap = PairedBootstrap.over(sampleTokens, definition.resamples, definition.seed);
  if (!bootstrap.ok) return bootstrap;

  const sums = new Map<string, KlSums>();
  for (const [name, document] of documents) {
    const judged = judgedIn(document, name);
    if (!judged.ok) return judged;
    const summed = bootstrap.value.sumsOf(name, judged.value.sampleKl);
    if (!summed.ok) return summed;
    sums.set(name, summed.value);
  }
  const figuresOf = (name: string) => judgedIn(documents.find(([of]) => of === name)?.[1], name);
  const figures = figuresOf(SCHEME_PLAN);
  if (!figures.ok) return figures;
  const controls: MeasuredControl[] = [];
  for (const size of "sizes" in against ? against.sizes.slice(1) : []) {
    const judged = figuresOf(size.name);
    if (!judged.ok) return judged;
    controls.push({ ...size, ...judged.value.figures });
  }
  const verdict: Analysed<Judged> =
    "sizes" in against
      ? orUnjudged(
          judgedAgainst(bootstrap.value, bits, controls, sums, {
            provenAbove: definition.proven,
            weights,
          }),
        )
      : ok({ verdict: null, unjudged: against.unjudged });
  if (!verdict.ok) return verdict;
  const search = judgedSearch(bootstrap.value, scheme, controls, sums, figures.value);
  if (!search.ok) return search;
  return ok({
    name: scheme.name,
    model: scheme.model,
    scope: scheme.scope,
    size: scheme.size,
    weights,
    calibration,
    held_out: { part, ...heldOut },
    definition,
    environment: environmentOf(documents),
    reference,
    bits,
    plan: planDigest(scheme),
    figures: figures.value.figures,
    ...verdict.value,
    ...search.value,
    controls,
  });
}

/** The document with its only plan named as the measurement is: plan documents name all plans alike. */
function onePlan(document: QualityDocument | undefined, name: string): Analysed<QualityDocument> {
  const [plan, ...others] = document?.plans ?? [];
  if (document === undefined || plan === undefined || others.length > 0) {
    const count = document === undefined ? "was not given" : "does not hold exactly one plan";
    return failed(
      "wrong_structure",
      name,
      `The measurement of ${name} ${count}. Measure it again.`,
    );
  }
  return ok({ ...document, plans: [{ ...plan, name }] });
}

function judgedAgainst(
  bootstrap: PairedBootstrap,
  bits: number,
  controls: readonly MeasuredControl[],
  sums: ReadonlyMap<string, KlSums>,
  standard: Standard,
): Analysed<SchemeVerdict> {
  const plan = sums.get(SCHEME_PLAN);
  const random = controls.filter(({ kind }) => kind === "random");
  const others = controls.filter(
    ({ kind, bits: size }) =>
      // A start is no control: it is what an exact solver gives.
      kind !== "random" &&
      kind !== "start" &&
      isOfSize({ bits: size, budget: kind === "uniform" ? null : bits }, bits),
  );
  const sumsOf = (some: typeof controls): readonly KlSums[] =>
    some.flatMap(({ name }) => sums.get(name) ?? []);
  if (plan === undefined || random.length === 0) {
    return failed(
      "no_controls",
      SCHEME_PLAN,
      "The scheme has no random plans of its size to be compared with. Set random_plans above zero in conf/scheme.",
    );
  }
  const contest = { budget: bits, plan, random: sumsOf(random), others: sumsOf(others) };
  const verdict = verdictOf(bootstrap, contest, standard);
  if (!verdict.ok) return verdict;
  const sizes = random.map((control) => control.bits);
  const random_bits = { lowest: Math.min(...sizes), highest: Math.max(...sizes) };
  return ok({ ...verdict.value, random_bits });
}

type Judged = Pick<SchemeQuality, "verdict" | "unjudged">;

/**
 * A plan that loses next to nothing may have a KL of zero, or below it by rounding, and nothing is a multiple of that.
 * The scheme is not wrong then: it has figures, and no word.
 */
function orUnjudged(verdict: Analysed<SchemeVerdict>): Analysed<Judged> {
  if (verdict.ok) return ok({ verdict: verdict.value, unjudged: null });
  const { error: failure } = verdict;
  if (failure.reason !== "no_divergence") return verdict;
  const whose = failure.where === SCHEME_PLAN ? "its KL" : `the KL of ${failure.where}`;
  const unjudged = `${whose} is not above zero in every resample, so that nothing can be told as a multiple of it`;
  return ok({ verdict: null, unjudged });
}

/** A found plan against the starts of its search, and its goal's figure, on data that the search has not seen. */
function judgedSearch(
  bootstrap: PairedBootstrap,
  { search }: SchemeSource["scheme"],
  controls: readonly MeasuredControl[],
  sums: ReadonlyMap<string, KlSums>,
  measured: Whole,
): Analysed<Pick<SchemeQuality, "search">> {
  if (search === undefined) return ok({});
  const own = sums.get(SCHEME_PLAN);
  const starts: Against[] = [];
  for (const { name } of controls.filter(({ kind }) => kind === "start")) {
    const start = sums.get(name);
    if (own === undefined || start === undefined) continue;
    const factor = bootstrap.factor(start, own);
    // What the scheme is not judged for; the start's own figures are among the controls.
    if (!factor.ok && factor.error.reason === "no_divergence") continue;
    if (!factor.ok) return factor;
    starts.push({ plan: name, factor: factor.value });
  }
  const { goal } = search;
  if (goal === null) return ok({ search: { starts, goal } });
  const { figures, further } = measured;
  const { figure } = goal;
  const here = figure === "perplexity_ratio" ? further?.perplexity_ratio : figures[figure];
  if (here !== undefined) return ok({ search: { starts, goal: { ...goal, here } } });
  const what = `The measurement of ${measured.name} has no ${figure}`;
  return failed("wrong_structure", figure, `${what}. Measure it again.`);
}
