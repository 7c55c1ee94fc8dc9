import * as fs from "node:fs";
import { join } from "node:path";
import { loadStarter, starterCall } from "../../host/starter.ts";
import { disk, writeFileAtomic } from "../../host/disk/disk.ts";
import { withCompiledElsewhere } from "../../host/code/compiled-folder.ts";
import { layoutOf } from "../../host/disk/layout.ts";
import { EXIT, exitCodeOf, type Failure } from "../../model/failure.ts";
import { whyNotInside } from "../../model/inside.ts";
import { err, ok, type Result } from "../../model/result.ts";
import type { Started, StarterCall, StarterModule } from "../../model/starter.ts";
import { oneLine } from "../../ui/escape.ts";
import type { Arguments } from "../language/arguments.ts";
import { PACKAGE_ROOT } from "../session/root.ts";
import { converse, type Conversation, type LeftBy } from "../terminal/conversation.ts";
import { print, printFailures, printJson } from "../terminal/terminal.ts";

const STARTER = "aqm/rules/starters/analyses.ts";

export async function run(args: Arguments): Promise<number> {
  const root = fs.realpathSync(process.cwd());
  const layout = withCompiledElsewhere(layoutOf(root, PACKAGE_ROOT));
  const failed = (failure: Failure): number => {
    printFailures([failure]);
    return exitCodeOf(failure);
  };
  const starter = await loadStarter(layout, STARTER);
  if (!starter.ok) return failed(starter.error);
  const call = (answers: Answers): StarterCall => starterCall(layout, answers);
  const answers = await answersTo(starter.value, call, args);
  if (!answers.ok) return failed(answers.error);
  const started = await starter.value.start(call(answers.value));
  if (!started.ok) return failed(started.error);
  const refused = firstTaken(root, started.value, args.flag("force"));
  if (refused !== null) return failed(refused);
  const changed = write(root, started.value);
  if (args.flag("json")) printJson({ ...changed, notes: started.value.notes, next: NEXT });
  else {
    for (const path of changed.wrote) print(oneLine(`wrote   ${path}`));
    for (const path of changed.added) print(oneLine(`added   to ${path}`));
    for (const { path, leadsTo } of started.value.links)
      print(oneLine(`linked  ${path} → ${leadsTo}`));
    for (const path of changed.kept) print(oneLine(`kept    ${path}, which was there`));
    for (const note of started.value.notes) print(oneLine(note));
    print(`\n${NEXT}`);
  }
  return EXIT.done;
}

const NEXT =
  "Next: `npx aqm build` makes the first report; `npx aqm doctor` says what this machine lacks.";

type Answers = Readonly<Record<string, string>>;

/** What options say, else what a person answers, else the defaults. */
async function answersTo(
  { questions, check }: StarterModule,
  call: (answers: Answers) => StarterCall,
  args: Arguments,
): Promise<Result<Answers, Failure>> {
  const answers: Record<string, string> = {};
  const asks =
    !args.flag("yes") && !args.flag("json") && process.stdin.isTTY && process.stdout.isTTY;
  const talk = asks ? converse() : null;
  try {
    for (const { name, text, fallback } of questions) {
      const given = args.value(name) ?? null;
      if (given !== null || talk === null) {
        const answer = given ?? fallback;
        if (answer === null) return err(unanswered(name, text));
        answers[name] = answer;
        const wrong = talk === null ? null : await check(name, call(answers));
        if (wrong !== null) return err(wrong);
        continue;
      }
      const otherwise = fallback === null || fallback === "" ? "" : ` [${fallback}]`;
      const answer = await askUntilRight(talk, `${text}${otherwise}: `, fallback, (said) =>
        check(name, call({ ...answers, [name]: said })),
      );
      if (answer === null) return err(unheard(talk.leftBy()));
      answers[name] = answer;
    }
  } finally {
    talk?.close();
  }
  return ok(answers);
}

/** Asks again after each answer that is none, or is wrong; null where the person leaves. */
async function askUntilRight(
  talk: Conversation,
  prompt: string,
  fallback: string | null,
  check: (said: string) => Promise<Failure | null>,
): Promise<string | null> {
  for (;;) {
    const line = await talk.ask(prompt);
    if (line === null) return null;
    const answer = line.trim() || fallback;
    if (answer === null) continue;
    const checked = await talk.during(check(answer).then((wrong) => ({ wrong })));
    if (checked === null) return null;
    if (checked.wrong === null) return answer;
    printFailures([checked.wrong]);
  }
}

const unheard = (by: LeftBy | null): Failure => ({
  reason: "cancelled",
  message: `The questions ended before all were answered${by === "end" ? " (Ctrl-D, or no more input)" : ""}; nothing was written`,
  nextStep: "Run the command again, or give the answers as options: npx aqm init --help.",
});

const unanswered = (name: string, text: string): Failure => ({
  reason: "usage",
  message: `aqm init needs --${name}`,
  cause: text,
  nextStep: `Write for example: npx aqm init --yes --${name} …`,
});

/**
 * The first place that is taken: then nothing is written. With force a file gives way to a file, and a link to a
 * link; a folder never gives way.
 */
function firstTaken(root: string, { files, links }: Started, force: boolean): Failure | null {
  const taken = (path: string, mayGiveWay: boolean): Failure => ({
    reason: "usage",
    message: `${path} is there already; nothing was written`,
    place: { file: path },
    nextStep: mayGiveWay ? "Move it, or overwrite it with --force." : "Move it, or rename it.",
  });
  for (const { path, content } of files) {
    const stat = fs.lstatSync(join(root, path), { throwIfNoEntry: false });
    const isFile = stat?.isFile() === true;
    if (stat === undefined || (isFile && force)) continue;
    if (!isFile || fs.readFileSync(join(root, path), "utf8") !== content)
      return taken(path, isFile);
  }
  for (const link of links) {
    const stat = fs.lstatSync(join(root, link.path), { throwIfNoEntry: false });
    if (stat === undefined || leadsThere(root, link)) continue;
    if (!stat.isSymbolicLink() || !force) return taken(link.path, stat.isSymbolicLink());
  }
  return null;
}

const leadsThere = (root: string, { path, leadsTo }: Started["links"][number]): boolean => {
  const place = join(root, path);
  return fs.lstatSync(place).isSymbolicLink() && fs.readlinkSync(place) === leadsTo;
};

interface Changed {
  readonly wrote: readonly string[];
  readonly added: readonly string[];
  readonly kept: readonly string[];
}

function write(root: string, { files, lines, links }: Started): Changed {
  const wrote: string[] = [];
  const added: string[] = [];
  const kept: string[] = [];
  for (const { path } of [...files, ...lines, ...links]) {
    const why = whyNotInside(path);
    if (why !== null) throw new Error(`a starter writes to ${path}, which ${why}`);
  }
  for (const { path, content } of files) {
    const place = join(root, path);
    const same = fs.existsSync(place) && fs.readFileSync(place, "utf8") === content;
    if (!same) writeFileAtomic(place, content);
    (same ? kept : wrote).push(path);
  }
  for (const { path, lines: wanted } of lines) {
    const place = join(root, path);
    const there = fs.existsSync(place) ? fs.readFileSync(place, "utf8") : null;
    const known = new Set(there?.split(/\r?\n/));
    const missing = wanted.filter((line) => !known.has(line));
    if (missing.length === 0) continue;
    const before = there === null || there === "" || there.endsWith("\n") ? there : `${there}\n`;
    writeFileAtomic(place, `${before ?? ""}${missing.join("\n")}\n`);
    (there === null ? wrote : added).push(path);
  }
  for (const link of links) {
    const place = join(root, link.path);
    if (fs.lstatSync(place, { throwIfNoEntry: false }) !== undefined) {
      if (leadsThere(root, link)) continue;
      disk.remove(place);
    }
    disk.makeFolder(join(place, ".."));
    disk.linkTo(link.leadsTo, place);
  }
  return { wrote, added, kept };
}
