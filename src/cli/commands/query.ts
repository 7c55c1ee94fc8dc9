import { join } from "node:path";
import type { ActionNode } from "../../graph/graph.ts";
import { kindsOf, ofKind, pathsBetween, reached, readersOf } from "../../graph/query.ts";
import { sourceFile } from "../../keys/describe.ts";
import { EXIT, type Failure } from "../../model/failure.ts";
import { didYouMean } from "../../model/nearest-name.ts";
import { err, ok, type Result } from "../../model/result.ts";
import { wholeNumber, type Arguments } from "../language/arguments.ts";
import { showAnswer, type Answer } from "../views/query-answer.ts";
import { QUESTION_NAMES, type QuestionName } from "../language/questions.ts";
import { fromWorkspaceRoot } from "../session/root.ts";
import { openAsked } from "../session/asked.ts";
import type { Session } from "../session/session.ts";
import { printFailures } from "../terminal/terminal.ts";

/** Ways through a graph are many: so many of them unless asked for more. */
const PATHS = 20;

type Ask = (
  session: Session,
  words: readonly string[],
  args: Arguments,
  most: number,
) => Promise<Found>;
type Found = Result<Answer, readonly Failure[]>;

const QUESTIONS: Readonly<
  Record<
    QuestionName,
    { readonly least: number; readonly most: number; readonly usage: string; readonly ask: Ask }
  >
> = {
  deps: { least: 1, most: Infinity, usage: "TARGET…", ask: dependencies },
  rdeps: { least: 1, most: Infinity, usage: "TARGET…", ask: dependents },
  paths: { least: 2, most: 2, usage: "FROM TO", ask: paths },
  kind: { least: 1, most: 1, usage: "NAME", ask: kind },
  stale: { least: 0, most: Infinity, usage: "[TARGET…]", ask: stale },
};

export async function run(args: Arguments): Promise<number> {
  const [name = "", ...words] = args.targets;
  const known = QUESTION_NAMES.find((one) => one === name);
  const wrong = known === undefined ? unknownQuestion(name) : wrongWords(known, words);
  const most = wholeNumber("limit", args.value("limit"), name === "paths" ? PATHS : Infinity);
  if (known === undefined || wrong !== null || !most.ok) {
    printFailures([wrong ?? (most.ok ? unknownQuestion(name) : most.error)]);
    return EXIT.usage;
  }
  const targets = name === "stale" ? words : ["."];
  const session = await openAsked(args, { targets });
  const found = session.ok
    ? await QUESTIONS[known].ask(session.value, words, args, most.value)
    : session;
  if (!found.ok) {
    printFailures(found.error);
    return EXIT.usage;
  }
  showAnswer(found.value, most.value, args.flag("json"));
  return EXIT.done;
}

async function dependencies(
  session: Session,
  words: readonly string[],
  args: Arguments,
): Promise<Found> {
  const asked = await session.find(words);
  return asked.ok ? ok({ targets: reached(asked.value, "up", steps(args)) }) : asked;
}

/** Of a target, what is made from it; of any other file, all that it has a part in. */
async function dependents(
  session: Session,
  words: readonly string[],
  args: Arguments,
): Promise<Found> {
  const readers = new Set<ActionNode>();
  const made = new Set<ActionNode>();
  for (const word of words) {
    const place = fromWorkspaceRoot(word, session.layout.root);
    if (!place.ok) return err([place.error]);
    const path = place.value;
    const readBy = [...readersOf(session.aqmfile.graph.actions, path), ...usersOf(session, path)];
    for (const node of readBy) readers.add(node);
    if (readBy.length > 0) continue;
    const asked = await session.find([word]);
    if (!asked.ok) return isConfig(session, path) ? err([configAsked(path)]) : asked;
    for (const node of asked.value) made.add(node);
  }
  const behind = args.flag("direct")
    ? reached(made, "down", 1)
    : reached([...readers, ...made], "down");
  const all = new Set([...readers, ...behind]);
  const asked = new Set(session.selection.needed); // an axis in --set narrows it
  return ok({ targets: [...all].filter((node) => asked.has(node)).sort(byIndex) });
}

const byIndex = (a: ActionNode, b: ActionNode): number => a.index - b.index;

const isConfig = ({ aqmfile, layout }: Session, path: string): boolean =>
  path.startsWith("conf/") && aqmfile.files.includes(join(layout.root, path));

/** The actions whose op is made of this file. */
function usersOf({ opSources, selection }: Session, path: string): readonly ActionNode[] {
  return selection.needed.filter((node) => {
    const source = opSources.of(node);
    return Object.keys(source.sources).some((module) => sourceFile(source, module) === path);
  });
}

async function paths(
  session: Session,
  [from = "", to = ""]: readonly string[],
  _args: Arguments,
  most: number,
): Promise<Found> {
  const place = fromWorkspaceRoot(from, session.layout.root);
  if (!place.ok) return err([place.error]);
  const path = place.value;
  const readers = [...readersOf(session.aqmfile.graph.actions, path), ...usersOf(session, path)];
  const begin = readers.length > 0 ? ok(new Set(readers)) : await session.find([from]);
  if (!begin.ok) return begin;
  const end = await session.find([to]);
  if (!end.ok) return end;
  return ok(pathsBetween(begin.value, end.value, most));
}

function kind({ selection }: Session, [name = ""]: readonly string[]): Promise<Found> {
  const actions = [...selection.requested];
  const targets = ofKind(actions, name);
  const known = new Set(actions.flatMap(kindsOf));
  return Promise.resolve(targets.length > 0 ? ok({ targets }) : err([unknownKind(name, known)]));
}

async function stale(session: Session): Promise<Found> {
  const { foresee } = await import("../session/foresee.ts");
  const { plan } = await foresee(session);
  const open = plan.actions.filter(({ verdict }) => verdict !== "fresh");
  return ok({
    targets: open.map(({ node }) => node),
    verdicts: new Map(open.map(({ node, verdict }) => [node, verdict])),
  });
}

const steps = (args: Arguments): number => (args.flag("direct") ? 1 : Infinity);

function wrongWords(name: QuestionName, words: readonly string[]): Failure | null {
  const { least, most, usage } = QUESTIONS[name];
  if (words.length >= least && words.length <= most) return null;
  const wanted = least === most ? `${least} name${least === 1 ? "" : "s"}` : "a name";
  return {
    reason: "usage",
    message: `aqm query ${name} takes ${wanted}, not ${words.length}`,
    nextStep: `Write aqm query ${name} ${usage}.`,
  };
}

const configAsked = (path: string): Failure => ({
  reason: "usage",
  message: `${path} is a config: its values count where they are used, not the file`,
  nextStep:
    "Edit it, and aqm query stale says what that touches; or try aqm build --dry-run --set.",
});

const unknownQuestion = (name: string): Failure => ({
  reason: "usage",
  message: name === "" ? "aqm query needs a question" : `aqm query knows no ${name}`,
  nextStep:
    didYouMean(name, QUESTION_NAMES) ??
    `Questions: ${QUESTION_NAMES.join(", ")}. See aqm query --help.`,
});

const unknownKind = (name: string, known: Iterable<string>): Failure => ({
  reason: "unknown_name",
  message: `No action is of the kind ${name}`,
  nextStep: didYouMean(name, known) ?? `Kinds: ${[...known].sort().join(", ")}.`,
});
