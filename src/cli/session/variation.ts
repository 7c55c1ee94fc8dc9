import { variantName, type Override } from "../../declare/override/override.ts";
import { product, axesOf, isIn, ownOf } from "../../graph/sweep.ts";
import { select, upstreamOf, type Selection } from "../../graph/select.ts";
import type { ActionNode, Graph } from "../../graph/graph.ts";
import { differing, relocate, union, withConsumers, type Relocated } from "../../graph/variant.ts";
import {
  checkedGraph,
  openAqmfile,
  type LoadedAqmfile,
  type LoadOptions,
  type OpenAqmfile,
} from "../../host/aqmfile/aqmfile.ts";
import type { Evaluated } from "../../host/aqmfile/evaluated.ts";
import type { Evidence } from "../../host/evidence/evidence.ts";
import type { Layout } from "../../host/disk/layout.ts";
import type { Failure } from "../../model/failure.ts";
import { err, ok, type Result } from "../../model/result.ts";
import type { Variation } from "../language/asked-variation.ts";
import { globMatcher } from "../language/glob.ts";
import { choiceParts, choiceText, readTerms, type Choice } from "../language/terms.ts";

/** Where variants go, and with `--layout tmp` everything that is asked for. */
const TMP = "tmp";

/** One combination of what was asked for. */
export interface Cell {
  readonly choices: readonly (readonly [key: string, value: string])[];
  /** Ids of its actions. */
  readonly actions: readonly string[];
  /** What it makes that nothing else in it reads. */
  readonly results: readonly string[];
  /** Paths that are not made, each with the reason. */
  readonly skipped: ReadonlyMap<string, string>;
}

export interface Varied {
  readonly aqmfile: LoadedAqmfile;
  readonly selection: Selection;
  readonly cells: readonly Cell[];
  readonly find: Find;
  readonly relocated: ReadonlySet<ActionNode>;
}

/** The actions that targets stand for, which are named as the Aqmfile declares them. */
export type Find = (
  targets: readonly string[],
) => Promise<Result<ReadonlySet<ActionNode>, readonly Failure[]>>;

/** The Aqmfile under one set of overrides, paths as it declares them. */
interface Variant {
  readonly root: string;
  readonly evaluated: Evaluated;
  readonly selection: Selection;
  readonly combinations: Combination[];
}

interface Combination {
  /** Its place in the order of the command line. */
  readonly index: number;
  readonly choices: readonly Choice[];
  readonly requested: readonly ActionNode[];
  readonly skipped: ReadonlyMap<string, string>;
}

/**
 * The Aqmfile as it is and with overrides, as one graph. Actions that an override does not touch are the
 * plain ones, at their published places; what it touches publishes below `tmp/<overrides>/`.
 */
export async function openVariation(
  layout: Layout,
  variation: Variation,
  targets: readonly string[],
  evidence: Evidence,
  options: LoadOptions = {},
): Promise<Result<Varied, readonly Failure[]>> {
  const aqmfile = await openAqmfile(layout, evidence, options);
  if (!aqmfile.ok) return aqmfile;
  const { groups } = aqmfile.value;
  const plain = await aqmfile.value.evaluate({ configuration: groups });
  if (!plain.ok) return plain;
  const known = { axes: axesOf(plain.value.declared), groups };
  const dimensions = readTerms(variation.terms, known, variation.many);
  if (!dimensions.ok) return dimensions;

  const variants = new Map<string, Variant>();
  for (const [index, choices] of product(dimensions.value).entries()) {
    const overrides = choices.flatMap((choice) =>
      choice.kind === "override" ? [choice.override] : [],
    );
    const name = overrides.length === 0 ? "" : variantName(overrides);
    let variant = variants.get(name);
    if (variant === undefined) {
      const opened = await openVariant(
        layout,
        aqmfile.value,
        plain.value,
        name,
        overrides,
        targets,
        choices,
      );
      if (!opened.ok) return opened;
      variant = opened.value;
      variants.set(name, variant);
    }
    variant.combinations.push({ index, choices, ...contentOf(variant, choices, targets) });
  }
  const list = [...variants.values()];
  if (
    list.every(({ combinations }) =>
      combinations.every(({ requested, skipped }) => requested.length + skipped.size === 0),
    )
  ) {
    return err([nothingThere(variation.terms, targets)]);
  }
  return joined({ layout, evidence }, aqmfile.value, plain.value, list, variation.layout);
}

async function openVariant(
  layout: Layout,
  aqmfile: OpenAqmfile,
  plain: Evaluated,
  name: string,
  overrides: readonly Override[],
  targets: readonly string[],
  choices: readonly Choice[],
): Promise<Result<Variant, readonly Failure[]>> {
  let evaluated = plain;
  if (overrides.length > 0) {
    const { overridden } = await import("../../host/aqmfile/overrides.ts");
    const configs = overridden(aqmfile.folders, aqmfile.groups, overrides);
    if (!configs.ok) return configs;
    const other = await aqmfile.evaluate({
      configuration: configs.value.groups,
      chosen: configs.value.chosen,
    });
    if (!other.ok) return err(other.error.map((failure) => under(failure, choices)));
    evaluated = other.value;
  }
  const { graph } = evaluated;
  const selection = select(graph, targets, await globMatcher([...targets, ...graph.defaults]));
  if (!selection.ok) return err(selection.error.map((failure) => under(failure, choices)));
  return ok({ root: `${TMP}/${name}`, evaluated, selection: selection.value, combinations: [] });
}

/** Without targets, coordinates alone say what is meant: every target that has them. */
function contentOf(
  { evaluated: { graph, declared }, selection }: Pick<Variant, "evaluated" | "selection">,
  choices: readonly Choice[],
  targets: readonly string[],
): Pick<Combination, "requested" | "skipped"> {
  const coordinates: Record<string, string> = {};
  for (const choice of choices) {
    if (choice.kind === "coordinate") coordinates[choice.axis] = choice.value;
  }
  const anywhere = targets.length === 0 && Object.keys(coordinates).length > 0;
  const nodes = anywhere ? graph.actions : selection.requested;
  const left = (declared.skipped ?? []).filter(
    (item) => isIn(item, coordinates) && (anywhere || selection.skipped.has(item.path)),
  );
  return {
    requested: [...nodes].filter(({ declaration }) => isIn(declaration, coordinates)),
    skipped: new Map(left.map(({ path, because }) => [path, because])),
  };
}

function joined(
  { layout, evidence }: { readonly layout: Layout; readonly evidence: Evidence },
  { files }: OpenAqmfile,
  plain: Evaluated,
  variants: readonly Variant[],
  place: Variation["layout"],
): Result<Varied, readonly Failure[]> {
  const differ = new Map(
    variants.map((variant) => [
      variant,
      variant.evaluated === plain
        ? new Set<string>()
        : differing(plain.declared, variant.evaluated.declared),
    ]),
  );
  // The same in every variant, so that what they share is in one place.
  const own = new Set<string>();
  if (place === "tmp") {
    for (const { combinations } of variants) {
      for (const { requested } of combinations) for (const id of ownOf(requested)) own.add(id);
    }
  }
  const relocated = new Map<Variant, Relocated>();
  for (const variant of variants) {
    const { declared } = variant.evaluated;
    const roots = new Map<string, string>();
    for (const id of withConsumers(declared, own)) roots.set(id, TMP);
    for (const id of differ.get(variant) ?? []) roots.set(id, variant.root);
    relocated.set(variant, relocate(declared, roots));
  }
  const all = union([...relocated.values()]);
  if (all === null) return err([differentEnvironments()]);
  const graph = checkedGraph(layout, all, evidence);
  if (!graph.ok) return graph;

  const requested = new Set<ActionNode>();
  const exact = new Set<string>();
  const cells: Cell[] = [];
  for (const [variant, { moved }] of relocated) {
    for (const combination of variant.combinations) {
      const nodes = nodesIn(graph.value, moved, combination.requested);
      for (const node of nodes) requested.add(node);
      cells[combination.index] = cellOf(combination, nodes);
    }
    for (const path of variant.selection.exact) exact.add(moved.get(path) ?? path);
  }
  const places = new Set([...relocated.values()].flatMap(({ moved }) => [...moved.values()]));
  const skipped = new Map(cells.flatMap((cell) => [...cell.skipped]));
  const present = new Set(
    [...exact].filter((path) => isRequested(graph.value.byOutput.get(path), requested)),
  );
  return ok({
    aqmfile: {
      graph: graph.value,
      environments: all.environments,
      adopters: [],
      comparers: [],
      cache: plain.declared.cache,
      slurm: plain.declared.slurm ?? {},
      files: [...files, ...Object.keys(plain.looked)],
    },
    selection: { requested, exact: present, needed: upstreamOf(requested), skipped },
    cells,
    find: (asked) => findIn(graph.value, relocated, asked),
    relocated: new Set(graph.value.actions.filter(({ id }) => places.has(id))),
  });
}

async function findIn(
  graph: Graph,
  relocated: ReadonlyMap<Variant, Relocated>,
  targets: readonly string[],
): ReturnType<Find> {
  const found = new Set<ActionNode>();
  const failures: (readonly Failure[])[] = [];
  for (const [{ evaluated, combinations }, { moved }] of relocated) {
    const selection = select(evaluated.graph, targets, await globMatcher(targets));
    if (!selection.ok) failures.push(selection.error);
    else {
      for (const { choices } of combinations) {
        const content = contentOf({ evaluated, selection: selection.value }, choices, targets);
        for (const node of nodesIn(graph, moved, content.requested)) found.add(node);
      }
    }
  }
  if (found.size > 0) return ok(found);
  const terms = [...relocated.keys()].flatMap(({ combinations }) =>
    combinations.flatMap(({ choices }) => choices.map(choiceText)),
  );
  return err(failures[0] ?? [nothingThere([...new Set(terms)], targets)]);
}

/** The same actions in the joined graph, where some publish elsewhere. */
const nodesIn = (
  graph: Graph,
  moved: ReadonlyMap<string, string>,
  nodes: readonly ActionNode[],
): readonly ActionNode[] =>
  nodes.flatMap(({ id }) => graph.byOutput.get(moved.get(id) ?? id)?.action ?? []);

const isRequested = (
  found: { readonly action: ActionNode } | undefined,
  requested: ReadonlySet<ActionNode>,
): boolean => found !== undefined && requested.has(found.action);

function cellOf({ choices, skipped }: Combination, nodes: readonly ActionNode[]): Cell {
  const inCell = new Set(nodes);
  const tips = nodes.filter(({ consumers }) => !consumers.some((consumer) => inCell.has(consumer)));
  return {
    choices: choices.map(choiceParts),
    actions: nodes.map(({ id }) => id),
    skipped,
    results: tips.flatMap(({ declaration }) =>
      Object.values(declaration.outputs).map(({ path }) => path),
    ),
  };
}

/** A mistake that only shows with these overrides should say so. */
function under(failure: Failure, choices: readonly Choice[]): Failure {
  const texts = choices.filter(({ kind }) => kind === "override").map(choiceText);
  if (texts.length === 0) return failure;
  return { ...failure, message: `With ${texts.join(" ")}: ${failure.message}` };
}

const nothingThere = (terms: readonly string[], targets: readonly string[]): Failure => ({
  reason: "unknown_target",
  message: `No target ${targets.length === 0 ? "" : `in ${targets.join(" ")} `}has ${terms.join(" ")}`,
  nextStep: "`aqm list` shows every target; leave out a term to see more of them.",
});

const differentEnvironments = (): Failure => ({
  reason: "usage",
  message: "The overrides change a Python environment, and differently in several variants",
  nextStep: "Build these variants one after the other.",
});
