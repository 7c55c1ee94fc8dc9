import { chosenCache } from "../../host/cache/chosen-cache.ts";
import { loginFor } from "../../host/cache/logins.ts";
import type { SharedResults } from "../../host/cache/shared-results.ts";
import { adoptionOf } from "../../model/adoption.ts";
import { EXIT, type Failure } from "../../model/failure.ts";
import { didYouMean } from "../../model/nearest-name.ts";
import type { PlannedAction } from "../../plan/plan.ts";
import { makePlan } from "../../plan/plan.ts";
import { oneLine } from "../../ui/escape.ts";
import { plural } from "../../ui/format.ts";
import type { Arguments } from "../language/arguments.ts";
import { openSession, type Session } from "../session/session.ts";
import { interruptible } from "../terminal/interrupt.ts";
import { print, printFailures, printJson } from "../terminal/terminal.ts";

const VERBS = ["status", "push"];

export async function run(args: Arguments): Promise<number> {
  const [verb, ...targets] = args.targets;
  if (verb === undefined || !VERBS.includes(verb)) {
    const message = verb === undefined ? "aqm cache needs a verb" : `aqm cache cannot ${verb}`;
    const nextStep =
      didYouMean(verb ?? "", VERBS) ?? "Write aqm cache status, or aqm cache push TARGET….";
    return wrong({ reason: "usage", message, nextStep });
  }
  const session = await openSession({ targets: targets.length > 0 ? targets : ["."] });
  if (!session.ok) {
    printFailures(session.error);
    return EXIT.usage;
  }
  const { shared } = session.value.workspace;
  if (verb === "status") return status(session.value, shared, args);
  if (shared === null) return wrong(NONE);
  if (!shared.writes) return wrong(readOnly(shared.cache.place));
  return push(session.value, shared, args);
}

async function status(
  { aqmfile }: Session,
  shared: SharedResults | null,
  args: Arguments,
): Promise<number> {
  const chosen = chosenCache(aqmfile.cache, process.env);
  if (shared === null || !chosen.ok || chosen.value === null) {
    if (args.flag("json")) printJson({ cache: null });
    else print("no cache is shared: name one in the Aqmfile or in AQM_CACHE_SHARED");
    return EXIT.done;
  }
  const { at, mode, by } = chosen.value;
  const login = at instanceof URL ? loginFor(at, process.env) : null;
  const source = login?.ok === true ? (login.value?.source ?? null) : null;
  const problem = shared.cache.leftOut ?? (await shared.cache.probe());
  const { place } = shared.cache;
  shared.close();
  if (args.flag("json"))
    printJson({
      cache: place,
      mode,
      named_by: by,
      login: source,
      answers: problem === null,
      problem,
    });
  else {
    print(`cache    ${oneLine(place)}, which ${by} names`);
    print(`mode     ${mode === "write" ? "write: results that are made here go there" : "read"}`);
    if (at instanceof URL)
      print(`login    ${source === null ? "none" : `from ${oneLine(source)}`}`);
    print(`state    ${problem === null ? "it answers" : oneLine(problem)}`);
  }
  return problem === null ? EXIT.done : EXIT.actionFailed;
}

/** Gives what is fresh here and is not there as a whole. */
async function push(session: Session, shared: SharedResults, args: Arguments): Promise<number> {
  const { workspace, selection } = session;
  const { signal, dispose } = interruptible();
  const notices: string[] = [];
  try {
    await workspace.survey(selection.needed, () => undefined, signal);
    shared.tellTo((message) => notices.push(message));
    const plan = makePlan(selection, workspace);
    const fresh = plan.actions.filter(isOwn);
    const missing = await notThere(fresh, shared);
    for (const { node, result } of missing) if (result !== null) workspace.offer(node, result);
    const left = await shared.uploads.settle(FOREVER, signal);
    const given = shared.uploads.takeSent();
    await workspace.close();
    const { place } = shared.cache;
    const why = shared.cache.writesNothing;
    shared.close();
    const there = fresh.length - missing.length;
    const notGiven = missing.length - given;
    if (args.flag("json")) printJson({ cache: place, given, there, not_given: left, notices });
    else {
      for (const notice of notices) print(`notice   ${oneLine(notice)}`);
      print(
        `gave ${plural(given, "result")} to the shared cache ${oneLine(place)}; ${there} were there already`,
      );
      if (notGiven > 0)
        print(
          `${plural(notGiven, "result")} could not be given (${why ?? "an output is not here, or was not taken"})${left.length > 0 ? `: ${left.slice(0, 5).map(oneLine).join(", ")}` : ""}`,
        );
    }
    return notGiven > 0 ? EXIT.actionFailed : EXIT.done;
  } finally {
    dispose();
  }
}

/** As long as it takes: the longest time that a timer knows. */
const FOREVER = 2 ** 31 - 1;

/** Results that aqm made, whose key is what is asked for now: also those that the targets are made from. */
const isOwn = ({ verdict, result }: PlannedAction): boolean =>
  verdict === "fresh" && result !== null && adoptionOf(result) === null;

async function notThere(
  fresh: readonly PlannedAction[],
  { cache }: SharedResults,
): Promise<readonly PlannedAction[]> {
  const asked = fresh.flatMap(({ node, key }) => (key === null ? [] : [{ target: node.id, key }]));
  const results = await cache.results(asked);
  const outputs = [...results.values()].flatMap((result) =>
    Object.values(result.outputs).map(({ digest }) => digest),
  );
  const there = await cache.has([...new Set(outputs)]);
  return fresh.filter(({ key }) => {
    const result = key === null ? undefined : results.get(key);
    return (
      result === undefined ||
      !Object.values(result.outputs).every(({ digest }) => there.has(digest))
    );
  });
}

function wrong(failure: Failure): number {
  printFailures([failure]);
  return EXIT.usage;
}

const NONE: Failure = {
  reason: "usage",
  message: "There is no shared cache to give results to",
  nextStep: "Name one: build(…, { cache: { folder: … } }) in the Aqmfile, or AQM_CACHE_SHARED.",
};

const readOnly = (place: string): Failure => ({
  reason: "usage",
  message: `The shared cache ${place} is only read`,
  nextStep: 'Set AQM_CACHE_MODE=write, or mode: "write" in the Aqmfile.',
});
