import * as fs from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import type { PublishedMatch } from "../../graph/published.ts";
import { isGlob, select } from "../../graph/select.ts";
import { diskFailure } from "../../host/disk/disk-failure.ts";
import { disk } from "../../host/disk/disk.ts";
import { loadComparer } from "../../host/comparison.ts";
import { folderName, publishedRecords } from "../../host/published.ts";
import { withoutPlaces } from "../../host/without-places.ts";
import type { ComparerModule } from "../../model/comparison.ts";
import type { BuildEvent } from "../../model/event.ts";
import { EXIT, exitCodeOf, type Failure } from "../../model/failure.ts";
import { foldersAbove, parentOf } from "../../model/folders.ts";
import { regionOf } from "../../model/region.ts";
import { reproductionCode, type Reproduction } from "../../model/reproduction.ts";
import { err, ok, type Result } from "../../model/result.ts";
import { causeText } from "../../ui/format.ts";
import type { Reporter } from "../../ui/reporter.ts";
import { matchText, reproductionText, type Matched } from "../../ui/reproduction-text.ts";
import { buildSettings, type Arguments } from "../language/arguments.ts";
import { globMatcher } from "../language/glob.ts";
import { matchFolder } from "../session/published-match.ts";
import { fromWorkspaceRoot } from "../session/root.ts";
import { compareFiles, type Made } from "../session/reproduced.ts";
import type { Scope } from "../session/scope.ts";
import { openSession, type Session } from "../session/session.ts";
import {
  chooseReporter,
  print,
  printFailures,
  printJson,
  standardOutput,
} from "../terminal/terminal.ts";
import { pageStyle } from "../views/page-parts.ts";
import { answerOfDryRun, buildWith } from "./build.ts";

/** 0 all agree, 1 some do not, 2 it could not be done. */
export async function run(args: Arguments): Promise<number> {
  const opened = await open(args);
  if (!opened.ok) {
    printFailures(opened.error);
    return EXIT.usage;
  }
  const { session, match } = opened.value;
  const json = args.flag("json");
  const most = args.flag("dry-run") ? NAMES_OF_DRY_RUN : NAMES;
  if (!json) print(matchText(opened.value.matched, standardOutput.colours, most));
  if (match.outputs.length === 0) {
    printFailures([nothingMatched(opened.value.asked, args.value("against") ?? "")]);
    return EXIT.usage;
  }
  const scope: Scope = { session, request: null, focused: null };
  if (args.flag("dry-run")) return dryRun(scope, opened.value.matched, args);
  return make(scope, opened.value, args);
}

/** Names shown of what is matched. */
const NAMES = 3;
const NAMES_OF_DRY_RUN = 100;

interface Opened {
  /** Narrowed to what is published. */
  readonly session: Session;
  /** The target, relative to the workspace. */
  readonly asked: string;
  readonly match: PublishedMatch;
  readonly matched: Matched;
  /** Absolute. */
  readonly folder: string;
  /** Where the page goes, absolute. */
  readonly page: string;
  readonly comparers: readonly ComparerModule[];
}

async function open(args: Arguments): Promise<Result<Opened, readonly Failure[]>> {
  const [target, ...more] = args.targets;
  const against = args.value("against") ?? "";
  if (target === undefined || more.length > 0) return err([wrongCount]);
  if (against === "") return err([noFolder]);
  const settings = buildSettings(args);
  if (!settings.ok) return err([settings.error]);
  const whole = await openSession({
    targets: [target],
    gpus: args.value("gpus"),
    python: args.values("python"),
  });
  if (!whole.ok) return whole;
  const { layout, aqmfile } = whole.value;
  const place = fromWorkspaceRoot(target, layout.root);
  if (!place.ok) return err([place.error]);
  const asked = isGlob(place.value) ? aboveGlob(place.value) : place.value;
  const page = pagePlace(whole.value, asked, args.value("page"));
  if (!page.ok) return err([page.error]);
  const folder = resolve(against);
  const match = await matchFolder(whole.value, asked, folder);
  if (!match.ok) return err([match.error]);
  const { base, outputs, unmade, unknown } = match.value;
  const own = outputs.find(
    ({ path, published }) =>
      realPath(join(folder, published)) === realPath(join(layout.root, path)),
  );
  if (own !== undefined) return err([itself(against)]);
  const spoiled = pageSpoils(page.value, folder);
  if (spoiled !== null) return err([spoiled]);
  const paths = outputs.map(({ path }) => path);
  const selection = select(aqmfile.graph, paths, await globMatcher([]));
  if (!selection.ok) return selection;
  const comparers: ComparerModule[] = [];
  for (const module of aqmfile.comparers) {
    const comparer = await loadComparer(layout, module);
    if (!comparer.ok) return err([comparer.error]);
    comparers.push(comparer.value);
  }
  const records = outputs.length === 0 ? null : publishedRecords(folder, base, layout.root);
  const mirrors = base === "" ? "." : base;
  return ok({
    session: { ...whole.value, selection: selection.value, targets: [asked] },
    asked,
    match: match.value,
    matched: { target: asked, against, mirrors, records, outputs, unmade, unknown },
    folder,
    page: page.value,
    comparers,
  });
}

async function dryRun(scope: Scope, matched: Matched, args: Arguments): Promise<number> {
  const { exitCode, data, show } = await answerOfDryRun(scope, args);
  if (args.flag("json")) printJson({ schema: 1, ...matchedJson(matched), plan: data() });
  else await show();
  return exitCode;
}

const matchedJson = ({ outputs, records, ...matched }: Matched): object => ({
  ...matched,
  records: records !== null,
  outputs: outputs.map(({ path, published }) => ({ path, published })),
});

async function make(
  scope: Scope,
  { asked, match, matched, folder, page, comparers }: Opened,
  args: Arguments,
): Promise<number> {
  const { session } = scope;
  const verdicts = new Map<string, "ran" | "restored" | "fresh">();
  const reasons = new Map<string, string>();
  const watch = (event: BuildEvent): void => {
    if (event.type === "action_settled") verdicts.set(event.target, event.verdict);
    if (event.type === "action_failed") reasons.set(event.target, event.failure.message);
    if (event.type === "action_blocked")
      reasons.set(event.target, event.causes.map(causeText).join("; "));
  };
  const json = args.flag("json");
  const reporter = json ? SILENT : await chooseReporter(args.value("reporter"));
  const {
    exitCode: built,
    failures,
    plan,
  } = await buildWith(scope, args, reporter, watch, {
    keepGoing: true,
  });
  if (plan === null || built > EXIT.usage) {
    if (json) printFailures(failures);
    return built;
  }
  for (const { node, verdict } of plan.actions)
    if (verdict === "fresh" && !verdicts.has(node.id)) verdicts.set(node.id, "fresh");
  const made: Made = { verdicts, reasons };
  const { records } = matched;
  const compared: Reproduction = {
    target: asked,
    folder: folderName(folder),
    mirrors: matched.mirrors,
    records: records !== null,
    files: await compareFiles(session, { match, folder, records, made, comparers }),
    unmade: match.unmade,
    unknown: match.unknown,
    on: new Date().toISOString().slice(0, "2026-11-21".length),
  };
  const reproduction = withoutPlaces(compared, [
    [folder, folderName(folder)],
    [session.layout.root, "."],
  ]);
  const exitCode = reproductionCode(reproduction);
  const written = await writePage(page, reproduction);
  const shown = relative(process.cwd(), page);
  if (json) printJson({ schema: 1, ...reproduction, page: shown, exitCode });
  else print(reproductionText(reproduction, shown, standardOutput.colours));
  if (written === null) return exitCode;
  printFailures([written]);
  return exitCodeOf(written);
}

const SILENT: Reporter = { report: () => undefined, close: () => undefined };

async function writePage(path: string, reproduction: Reproduction): Promise<Failure | null> {
  const { reproductionPage } = await import("../../ui/reproduction-page.ts");
  try {
    disk.write(path, reproductionPage(reproduction, pageStyle("reproduction")));
    return null;
  } catch (error) {
    return diskFailure(error, path);
  }
}

/** Where the page goes: never to a place that belongs to a target. */
function pagePlace(
  { layout, aqmfile }: Session,
  asked: string,
  given: string | undefined,
): Result<string, Failure> {
  const name = (asked === "." ? "everything" : asked.slice(parentOf(asked).length)).replace(
    /[^A-Za-z0-9._-]+/g,
    "",
  );
  const path =
    given === undefined ? join(layout.root, `reproduction-${name}.html`) : resolve(given);
  const place = fromWorkspaceRoot(path, layout.root);
  if (given === "" || fs.statSync(path, { throwIfNoEntry: false })?.isDirectory() === true)
    return err(noPage(given ?? path));
  if (!place.ok) return ok(path); // outside of the workspace
  const around = [place.value, ...foldersAbove(place.value)];
  const owned = [...aqmfile.graph.byOutput.keys()].some(
    (output) => around.includes(output) || regionOf(output).file === place.value,
  );
  return owned || (asked !== "." && around.includes(asked))
    ? err(pageInTarget(place.value))
    : ok(path);
}

/** What would be lost if the page went there: a published file, or one that is no page of a reproduction. */
function pageSpoils(path: string, folder: string): Failure | null {
  const place = join(realPath(dirname(path)), basename(path));
  if (place.startsWith(`${realPath(folder)}/`)) return pageInFolder(path);
  if (fs.lstatSync(path, { throwIfNoEntry: false }) === undefined) return null;
  return isReproductionPage(path) ? null : noPageThere(path);
}

function isReproductionPage(path: string): boolean {
  if (!fs.lstatSync(path).isFile()) return false;
  const file = fs.openSync(path, "r");
  try {
    const start = Buffer.alloc(2000);
    const length = fs.readSync(file, start);
    const text = start.toString("utf8", 0, length);
    return text.startsWith("<!doctype html>") && text.includes("<title>Reproduction of ");
  } finally {
    fs.closeSync(file);
  }
}

/** The folder in which all lies that a pattern may match. */
function aboveGlob(pattern: string): string {
  const parts = pattern.split("/");
  const plain = parts.slice(
    0,
    parts.findIndex((part) => isGlob(part)),
  );
  return plain.length === 0 ? "." : plain.join("/");
}

const realPath = (path: string): string => {
  try {
    return fs.realpathSync(path);
  } catch {
    return path; // not there
  }
};

const wrongCount: Failure = {
  reason: "usage",
  message: "aqm reproduce needs one target",
  nextStep: "Write aqm reproduce TARGET --against FOLDER, and begin with --dry-run.",
};

const noFolder: Failure = {
  reason: "usage",
  message: "aqm reproduce needs the folder of published files",
  nextStep: "Write aqm reproduce TARGET --against FOLDER, and begin with --dry-run.",
};

const noPage = (given: string): Failure => ({
  reason: "usage",
  message: `--page ${given} is no place for a file`,
  nextStep: "Write for example --page reproduction.html.",
});

const pageInTarget = (path: string): Failure => ({
  reason: "usage",
  message: `--page ${path} is a place of targets`,
  nextStep: "Name a file that no target makes and that lies outside of what is reproduced.",
});

const pageInFolder = (path: string): Failure => ({
  reason: "usage",
  message: `The page ${path} would lie in the folder of published files, in which nothing is changed`,
  nextStep: "Name a place outside of that folder: --page FILE.",
});

const noPageThere = (path: string): Failure => ({
  reason: "usage",
  message: `${path} is there and is no page of a reproduction, so it is not replaced`,
  nextStep: "Name a file that is not there yet: --page FILE.",
});

const itself = (folder: string): Failure => ({
  reason: "usage",
  message: `${folder} is this workspace itself, so nothing would be compared`,
  nextStep: "Name another copy: a clone, a worktree of another commit, a download.",
});

const nothingMatched = (asked: string, folder: string): Failure => ({
  reason: "usage",
  message: `Nothing in ${folder} is made by ${asked === "." ? "a target" : `a target below ${asked}`}`,
  nextStep: `Name the folder that holds what ${asked === "." ? "the workspace" : asked} would hold, or the root of a copy of the workspace; \`aqm list\` shows the targets.`,
});
