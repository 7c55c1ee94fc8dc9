import type { ActionNode } from "../../graph/graph.ts";
import { kindsOf, ofKind, pathsBetween, reached, readersOf } from "../../graph/query.ts";
import { select } from "../../graph/select.ts";
import { EXIT, type Failure } from "../../model/failure.ts";
import { didYouMean } from "../../model/nearest-name.ts";
import { err, ok, type Result } from "../../model/result.ts";
import type { Verdict } from "../../model/verdict.ts";
import { oneLine } from "../../ui/escape.ts";
import { wholeNumber, type Arguments } from "../arguments.ts";
import { globMatcher } from "../glob.ts";
import { QUESTION_NAMES, type QuestionName } from "../questions.ts";
import { fromWorkspaceRoot } from "../root.ts";
import { openSession, type Session } from "../session.ts";
import { print, printFailures, printJson, standardOutput } from "../terminal.ts";

/** What an answer is: targets, or ways through the graph. */
type Answer =
  | {
      readonly targets: readonly ActionNode[];
      readonly verdicts?: ReadonlyMap<ActionNode, Verdict>;
    }
  | { readonly paths: readonly (readonly ActionNode[])[]; readonly more: boolean };

type Ask = (session: Session, words: readonly string[], args: Arguments) => Promise<Found>;
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
  if (known === undefined || wrong !== null) {
    printFailures([wrong ?? unknownQuestion(name)]);
    return EXIT.usage;
  }
  const targets = name === "stale" ? words : ["."];
  const session = await openSession({ targets });
  const found = session.ok ? await QUESTIONS[known].ask(session.value, words, args) : session;
  if (!found.ok) {
    printFailures(found.error);
    return EXIT.usage;
  }
  show(found.value, args.flag("json"));
  return EXIT.done;
}

async function dependencies(
  session: Session,
  words: readonly string[],
  args: Arguments,
): Promise<Found> {
  const asked = await selected(session, words);
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
    const path = fromWorkspaceRoot(word, session.layout.root);
    const readBy = [...readersOf(session.aqmfile.graph.actions, path), ...usersOf(session, path)];
    for (const node of readBy) readers.add(node);
    if (readBy.length > 0) continue;
    const asked = await selected(session, [word]);
    if (!asked.ok) return asked;
    for (const node of asked.value) made.add(node);
  }
  const behind = args.flag("direct")
    ? reached(made, "down", 1)
    : reached([...readers, ...made], "down");
  const all = new Set([...readers, ...behind]);
  return ok({ targets: [...all].sort((a, b) => a.index - b.index) });
}

/** The actions whose op is made of this file. */
function usersOf({ opSources, selection }: Session, path: string): readonly ActionNode[] {
  const names = new Set([path, `aqm/${path}`, path.replace(/^python\//, "")]);
  return selection.needed.filter((node) =>
    Object.keys(opSources.of(node).sources).some((source) => names.has(source)),
  );
}

async function paths(
  session: Session,
  [from = "", to = ""]: readonly string[],
  args: Arguments,
): Promise<Found> {
  const most = wholeNumber("limit", args.value("limit"), 20);
  if (!most.ok) return err([most.error]);
  const path = fromWorkspaceRoot(from, session.layout.root);
  const readers = [...readersOf(session.aqmfile.graph.actions, path), ...usersOf(session, path)];
  const begin = readers.length > 0 ? ok(new Set(readers)) : await selected(session, [from]);
  if (!begin.ok) return begin;
  const end = await selected(session, [to]);
  if (!end.ok) return end;
  return ok(pathsBetween(begin.value, end.value, most.value));
}

function kind({ aqmfile }: Session, [name = ""]: readonly string[]): Promise<Found> {
  const { actions } = aqmfile.graph;
  const targets = ofKind(actions, name);
  const known = new Set(actions.flatMap(kindsOf));
  return Promise.resolve(targets.length > 0 ? ok({ targets }) : err([unknownKind(name, known)]));
}

async function stale({ selection, workspace }: Session): Promise<Found> {
  const { makePlan } = await import("../../plan/plan.ts");
  await workspace.foresee();
  await workspace.survey(selection.needed, () => undefined);
  const open = makePlan(selection, workspace).actions.filter(({ verdict }) => verdict !== "fresh");
  await workspace.close();
  return ok({
    targets: open.map(({ node }) => node),
    verdicts: new Map(open.map(({ node, verdict }) => [node, verdict])),
  });
}

const steps = (args: Arguments): number => (args.flag("direct") ? 1 : Infinity);

async function selected(
  { aqmfile, layout }: Session,
  words: readonly string[],
): Promise<Result<ReadonlySet<ActionNode>, readonly Failure[]>> {
  const targets = words.map((word) => fromWorkspaceRoot(word, layout.root));
  const found = select(aqmfile.graph, targets, await globMatcher(targets));
  return found.ok ? ok(found.value.requested) : found;
}

function show(answer: Answer, json: boolean): void {
  if ("paths" in answer) {
    const ways = answer.paths.map((path) => path.map(({ id }) => id));
    if (json) printJson({ paths: ways, more: answer.more });
    else {
      for (const way of ways) print(way.map(oneLine).join(" → "));
      if (answer.more) print(standardOutput.colours.dim("… and more; see --limit"));
    }
    return;
  }
  const { targets, verdicts } = answer;
  if (json) {
    printJson(
      targets.map((node) => {
        const { op, outputs, resources } = node.declaration;
        return {
          target: node.id,
          outputs: Object.values(outputs).map(({ path }) => path),
          op: op.runtime === "python" ? op.name : op.module,
          runtime: op.runtime,
          lane: resources.gpu > 0 ? "gpu" : "cpu",
          ...(verdicts === undefined ? {} : { verdict: verdicts.get(node) }),
        };
      }),
    );
    return;
  }
  for (const node of targets) {
    const verdict = verdicts?.get(node);
    print(`${verdict === undefined ? "" : `${verdict.padEnd(8)} `}${oneLine(node.id)}`);
  }
}

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
