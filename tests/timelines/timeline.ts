import fc from "fast-check";
import type { DocumentEdit } from "../engine/support/document.ts";

/*
 * A timeline: a random graph, and what happens to its workspace one step after the other. Numbers that
 * name a source, an action or an output are taken modulo how many there are, so that every timeline
 * means something and shrinks to one that still does.
 */

export interface Shape {
  readonly outputs: readonly {
    readonly kind: "file" | "folder" | "region";
    readonly local: boolean;
    /** Not kept in the store (in memory only; real big files would take too long). */
    readonly tooBig: boolean;
  }[];
  /** Which of the places that exist so far it reads; from 100 on counted from the last one. */
  readonly reads: readonly number[];
  /** Its outputs depend on its inputs only modulo this: small numbers give early cutoffs. */
  readonly grain: number;
  /** It writes something else each time. */
  readonly nonce: boolean;
  readonly gpu: boolean;
  /** It takes files only if they are there. */
  readonly optional?: boolean;
  /** Of which earlier actions it reads the records, counted back from itself. */
  readonly records?: readonly number[];
}

/** What becomes of the modification time of a file that is changed; the change time is always now. */
export type Times = "now" | "kept" | "past" | "future";

export type Edit =
  | {
      readonly do: "edit";
      readonly file: number;
      /** 0 to 2 have the same size; 3 is longer. */
      readonly value: number;
      readonly how: "in place" | "replace" | "link";
      readonly times: Times;
    }
  | { readonly do: "remove"; readonly file: number }
  | { readonly do: "rename"; readonly file: number; readonly to: number }
  | { readonly do: "touch"; readonly path: number; readonly times: Times }
  | {
      readonly do: "spoil output";
      readonly output: number;
      readonly how: "same size" | "other kind" | "extra file" | "link";
      readonly times: Times;
    }
  | { readonly do: "delete output"; readonly output: number }
  | {
      readonly do: "link folder";
      readonly folder: number;
      /** It goes elsewhere, the link is set to a copy in which a file is another, or the folder comes back. */
      readonly how: "away" | "set anew" | "back";
      /** In the copy. */
      readonly file: number;
      readonly value: number;
    }
  /** `to` becomes a second name of a file, or of an output: from 100 on. */
  | { readonly do: "hard link"; readonly file: number; readonly to: number }
  | { readonly do: "mode"; readonly path: number; readonly writable: boolean }
  /** Two folders, or two files, change places. */
  | {
      readonly do: "swap";
      readonly kind: "files" | "folders";
      readonly a: number;
      readonly b: number;
    }
  | {
      readonly do: "document";
      readonly how: DocumentEdit;
      readonly region: number;
      readonly value: number;
      readonly times: Times;
    };

export type Step =
  | Edit
  | { readonly do: "param" | "op"; readonly action: number; readonly value: number }
  | { readonly do: "break"; readonly action: number; readonly how: Defect | null }
  | { readonly do: "delete folder"; readonly folder: number }
  | { readonly do: "forget"; readonly what: Forgettable }
  | {
      readonly do: "record";
      readonly action: number;
      readonly how: "delete" | "damage" | "damage in place";
    }
  | { readonly do: "damage blob"; readonly output: number }
  | { readonly do: "wait"; readonly ms: number }
  | { readonly do: "commit" | "checkout" | "clone" }
  | { readonly do: "copy" | "move" }
  | { readonly do: "dry-run"; readonly targets: readonly number[] }
  | Build;

export interface Build {
  readonly do: "build";
  readonly targets: readonly number[];
  readonly jobs: number;
  readonly keepGoing: boolean;
  /** Plans first, as a careful user would; that may fill caches. */
  readonly dryRunFirst: boolean;
  /** Goes the long way although a snapshot has the answer, as `--json` does. */
  readonly longWay: boolean;
  /** Builds once more: there must be nothing to do. */
  readonly again: boolean;
  /** Fills regions that were edited by hand. */
  readonly force?: boolean;
  /** Something happens while the nth execution is under way. */
  readonly during: {
    readonly nth: number;
    readonly when: "before it reads" | "after it read";
    readonly what: Edit | "cancel";
  } | null;
}

export type Defect = "op_failed" | "gate_failed" | "output_missing";
export type Forgettable = "history" | "store" | "stat cache" | "snapshots" | "all of .aqm";

export interface Timeline {
  readonly shapes: readonly Shape[];
  readonly steps: readonly Step[];
  /** How long executions last, in turn. */
  readonly delays: readonly number[];
  /** How much time goes by after each step, in turn. */
  readonly pauses: readonly number[];
  /** In what units the file system counts time, in milliseconds; 0 is as fine as can be. */
  readonly tick: number;
}

export interface Flavour {
  readonly actions: number;
  readonly steps: number;
  /** How often each kind of step comes, against 8 for a build; absent is never. */
  readonly weights: Partial<Record<Step["do"], number>>;
  readonly nonce?: boolean;
  readonly disturbed?: boolean;
  /** Few files and no named targets, so that everything happens to the same files. */
  readonly narrow?: boolean;
  /** Some outputs are regions of one document, in which somebody writes. */
  readonly regions?: boolean;
  /** Some actions take files only if they are there. */
  readonly optional?: boolean;
  /** Some actions read what is recorded of others. */
  readonly records?: boolean;
}

const small = fc.nat({ max: 20 });
const few = fc.nat({ max: 3 });
/** Mostly the first few, so that what is edited is also read. */
const source = fc.oneof({ arbitrary: few, weight: 2 }, { arbitrary: small, weight: 1 });
/** From 100 on: of what was made last. */
const read = fc.oneof(
  { arbitrary: source, weight: 3 },
  { arbitrary: fc.integer({ min: 100, max: 102 }), weight: 2 },
);
const one = <const T extends readonly unknown[]>(...values: T): fc.Arbitrary<T[number]> =>
  fc.constantFrom(...values);

const shape = ({
  nonce = false,
  regions = false,
  optional = false,
  records = false,
}: Flavour): fc.Arbitrary<Shape> =>
  fc.record({
    outputs: fc.array(
      fc.record({
        kind: fc.oneof(
          { arbitrary: fc.constant("file" as const), weight: 3 },
          { arbitrary: fc.constant("folder" as const), weight: 1 },
          ...(regions ? [{ arbitrary: fc.constant("region" as const), weight: 4 }] : []),
        ),
        local: fc.boolean(),
        tooBig: fc.boolean(),
      }),
      { minLength: 1, maxLength: 2 },
    ),
    reads: fc.array(read, { minLength: 1, maxLength: 3 }),
    grain: one(1, 2, 1_000_003),
    nonce: nonce ? fc.boolean() : fc.constant(false),
    gpu: fc.boolean(),
    optional: optional ? one(false, false, true) : fc.constant(false),
    records: records ? fc.array(few, { maxLength: 2 }) : fc.constant([]),
  });

const times = one("now", "now", "kept", "past", "future");

const edit = (file: fc.Arbitrary<number>): fc.Arbitrary<Step & { readonly do: "edit" }> =>
  fc.record({
    do: one("edit"),
    file,
    value: fc.nat({ max: 3 }),
    how: one("in place", "in place", "replace", "link"),
    times,
  });

const kinds = {
  edit: edit(source),
  remove: fc.record({ do: one("remove"), file: source }),
  rename: fc.record({ do: one("rename"), file: source, to: source }),
  touch: fc.record({ do: one("touch"), path: source, times }),
  "spoil output": fc.record({
    do: one("spoil output"),
    output: small,
    how: one("same size", "same size", "other kind", "extra file", "link"),
    times,
  }),
  "delete output": fc.record({ do: one("delete output"), output: small }),
  "link folder": fc.record({
    do: one("link folder"),
    folder: small,
    how: one("away", "set anew", "set anew", "back"),
    file: small,
    value: fc.nat({ max: 2 }),
  }),
  "hard link": fc.record({
    do: one("hard link"),
    file: fc.oneof(source, fc.integer({ min: 100, max: 103 })),
    to: source,
  }),
  mode: fc.record({ do: one("mode"), path: small, writable: one(false, false, true) }),
  swap: fc.record({ do: one("swap"), kind: one("files", "folders"), a: small, b: small }),
  document: fc.record({
    do: one("document"),
    how: one(
      ...(["words above", "words above", "words below", "inside", "inside", "inside"] as const),
      ...(["empty", "unmark", "half a marker", "move to the top", "line ends", "delete"] as const),
    ),
    region: small,
    value: fc.nat({ max: 2 }),
    times,
  }),
  param: fc.record({ do: one("param"), action: small, value: fc.nat({ max: 2 }) }),
  op: fc.record({ do: one("op"), action: small, value: one(1, 2) }),
  break: fc.record({
    do: one("break"),
    action: small,
    how: one(null, "op_failed", "gate_failed", "output_missing"),
  }),
  "delete folder": fc.record({ do: one("delete folder"), folder: small }),
  forget: fc.record({
    do: one("forget"),
    what: one("history", "store", "stat cache", "snapshots", "all of .aqm"),
  }),
  record: fc.record({
    do: one("record"),
    action: small,
    how: one("delete", "damage", "damage in place"),
  }),
  "damage blob": fc.record({ do: one("damage blob"), output: small }),
  wait: fc.record({ do: one("wait"), ms: one(1, 5, 15, 25, -25, -3000) }),
  commit: fc.record({ do: one("commit") }),
  checkout: fc.record({ do: one("checkout") }),
  clone: fc.record({ do: one("clone") }),
  copy: fc.record({ do: one("copy") }),
  move: fc.record({ do: one("move") }),
  "dry-run": fc.record({ do: one("dry-run"), targets: fc.array(small, { maxLength: 2 }) }),
} satisfies Partial<Record<Step["do"], fc.Arbitrary<Step>>>;

const narrowKinds = {
  edit: edit(few),
  rename: fc.record({ do: one("rename"), file: few, to: few }),
  remove: fc.record({ do: one("remove"), file: few }),
};

const disturbance = (regions: boolean): fc.Arbitrary<NonNullable<Build["during"]>> =>
  fc.record({
    nth: fc.nat({ max: 3 }),
    when: one("before it reads", "after it read"),
    what: fc.oneof(
      { arbitrary: kinds.edit, weight: 4 },
      { arbitrary: kinds.remove, weight: 1 },
      { arbitrary: kinds.rename, weight: 1 },
      { arbitrary: kinds["spoil output"], weight: 1 },
      { arbitrary: kinds["delete output"], weight: 1 },
      ...(regions ? [{ arbitrary: kinds.document, weight: 6 }] : []),
      { arbitrary: fc.constant("cancel" as const), weight: 3 },
    ),
  });

const noTargets = fc.constant<number[]>([]);

const build = (
  during: fc.Arbitrary<Build["during"]>,
  targets: fc.Arbitrary<number[]>,
  force: fc.Arbitrary<boolean>,
): fc.Arbitrary<Step> =>
  fc.record({
    do: one("build"),
    targets,
    jobs: fc.integer({ min: 1, max: 3 }),
    keepGoing: fc.boolean(),
    dryRunFirst: fc.boolean(),
    longWay: fc.boolean(),
    again: fc.boolean(),
    force,
    during,
  });

export function timelines(flavour: Flavour): fc.Arbitrary<Timeline> {
  const { disturbed = false, narrow = false, regions = false } = flavour;
  const during = disturbed ? fc.option(disturbance(regions), { freq: 3 }) : fc.constant(null);
  const named = { arbitrary: fc.array(small, { maxLength: 2 }), weight: 1 };
  const targets = narrow ? noTargets : fc.oneof({ arbitrary: noTargets, weight: 2 }, named);
  const force = regions ? one(false, false, true) : fc.constant(false);
  const steps: fc.WeightedArbitrary<Step>[] = [
    { arbitrary: build(during, targets, force), weight: 8 },
  ];
  for (const [kind, arbitrary] of Object.entries(narrow ? { ...kinds, ...narrowKinds } : kinds)) {
    const weight = flavour.weights[kind as keyof typeof kinds] ?? 0;
    if (weight > 0) steps.push({ arbitrary, weight });
  }
  const pause = one(0, 0, 2, 30, 30, 3000);
  return fc.record({
    shapes: fc.array(shape(flavour), { minLength: 1, maxLength: flavour.actions }),
    steps: fc.array(fc.oneof(...steps), { minLength: 2, maxLength: flavour.steps }),
    delays: fc.array(one(0, 0, 1, 3, 25, 3000), { minLength: 3, maxLength: 12 }),
    pauses: fc.oneof(
      fc.array(pause, { minLength: 1, maxLength: 5 }),
      pause.map((only) => [only]),
    ),
    tick: one(0, 10, 1000),
  });
}
