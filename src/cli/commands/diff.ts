import { withCompiledFolder } from "../../host/code/compiled-folder.ts";
import { Evidence } from "../../host/evidence/evidence.ts";
import { knows, loadComparer, locate } from "../../host/comparison.ts";
import { layoutOf, type Layout } from "../../host/disk/layout.ts";
import type { ComparerModule } from "../../model/comparison.ts";
import { EXIT, type Failure } from "../../model/failure.ts";
import { didYouMean } from "../../model/nearest-name.ts";
import { err, ok, type Result } from "../../model/result.ts";
import type { Colours } from "../../ui/reporter.ts";
import { severalLines } from "../../ui/escape.ts";
import type { Arguments } from "../language/arguments.ts";
import { PACKAGE_ROOT, workspaceRoot } from "../session/root.ts";
import { print, printFailures, printJson, standardOutput } from "../terminal/terminal.ts";

/** As of `diff`: 0 the same, 1 different, 2 trouble of any kind. */
export async function run(args: Arguments): Promise<number> {
  const [a, b, ...more] = args.targets;
  if (a === undefined || more.length > 0) {
    printFailures([wrongCount]);
    return EXIT.usage;
  }
  const layout = withCompiledFolder(layoutOf(workspaceRoot(), PACKAGE_ROOT));
  const compared = await compareTwo(layout, b === undefined ? [`HEAD:${a}`, a] : [a, b], args);
  if (!compared.ok) {
    printFailures(compared.error);
    return EXIT.usage;
  }
  const { names, answer } = compared.value;
  if (args.flag("json"))
    printJson({ schema: 1, a: names[0], b: names[1], same: answer.same, comparison: answer.json });
  else print(coloured(answer.text, standardOutput.colours));
  return answer.same ? EXIT.done : EXIT.actionFailed;
}

type Answer = Extract<ReturnType<ComparerModule["compare"]>, { ok: true }>;

async function compareTwo(
  layout: Layout,
  asked: readonly [string, string],
  args: Arguments,
): Promise<Result<{ names: readonly [string, string]; answer: Answer }, readonly Failure[]>> {
  const loaded = await loadComparers(layout);
  if (!loaded.ok) return loaded;
  const comparers = loaded.value;
  const [first] = comparers;
  if (first === undefined) return err([noComparers]);
  const kinds = comparers.flatMap(({ patterns }) => patterns.map((pattern) => knows(pattern)));
  const here = process.cwd();
  const a = await locate(layout, here, asked[0], kinds);
  if (!a.ok) return err([a.error]);
  const b = await locate(layout, here, asked[1], kinds);
  if (!b.ok) return err([b.error]);
  const files = [a.value, b.value];
  const known = comparers.find(({ patterns }) =>
    files.every(({ path }) => knows(...patterns)(path)),
  );
  // Two named files are compared without regard to their names.
  const able = known ?? (comparers.length === 1 ? first : undefined);
  if (able === undefined) return err([unknownKind(files, comparers)]);
  const options = optionsOf(able, args.values("with"));
  if (!options.ok) return err([options.error]);
  const answer = able.compare({ a: a.value, b: b.value, options: options.value });
  if (answer.ok) return ok({ names: [a.value.name, b.value.name], answer });
  return err([{ reason: "usage", message: answer.message, nextStep: answer.nextStep }]);
}

async function loadComparers(
  layout: Layout,
): Promise<Result<readonly ComparerModule[], readonly Failure[]>> {
  const { loadAqmfile } = await import("../../host/aqmfile/aqmfile.ts");
  const aqmfile = await loadAqmfile(layout, new Evidence());
  if (!aqmfile.ok) return aqmfile;
  const comparers: ComparerModule[] = [];
  for (const module of aqmfile.value.comparers) {
    const comparer = await loadComparer(layout, module);
    if (!comparer.ok) return err([comparer.error]);
    comparers.push(comparer.value);
  }
  return ok(comparers);
}

function optionsOf(
  { options }: ComparerModule,
  given: readonly string[],
): Result<Readonly<Record<string, string>>, Failure> {
  const found: Record<string, string> = {};
  for (const text of given) {
    const equals = text.indexOf("=");
    const name = text.slice(0, Math.max(0, equals));
    if (equals > 0 && Object.hasOwn(options, name)) found[name] = text.slice(equals + 1);
    else {
      const lines = Object.entries(options).map(([option, help]) => `${option}: ${help}`);
      return err({
        reason: "usage",
        message: `--with ${text} is no option of this comparison`,
        cause: lines.join("\n"),
        nextStep: didYouMean(name, Object.keys(options)) ?? "Write --with NAME=VALUE.",
      });
    }
  }
  return ok(found);
}

/** Markdown, with its headings in bold where there are colours. */
const coloured = (text: string, colours: Colours): string =>
  severalLines(text.trimEnd())
    .split("\n")
    .map((line) => (line.startsWith("#") ? colours.bold(line) : line))
    .join("\n");

const wrongCount: Failure = {
  reason: "usage",
  message: "aqm diff compares two things",
  nextStep: "Write aqm diff A B, or aqm diff A to compare with the last commit.",
};

const noComparers: Failure = {
  reason: "usage",
  message: "The Aqmfile names no comparers, so artifacts cannot be compared here",
  place: { file: "Aqmfile.ts" },
  nextStep: 'Name a module: build([ … ], { comparers: ["rules/comparers/x.ts"] }).',
};

const unknownKind = (
  files: readonly { readonly name: string }[],
  comparers: readonly ComparerModule[],
): Failure => ({
  reason: "usage",
  message: `No comparer knows both ${files.map(({ name }) => name).join(" and ")}`,
  nextStep: `Name files that fit: ${comparers.flatMap(({ patterns }) => patterns).join(", ")}.`,
});
