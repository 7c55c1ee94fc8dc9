import { resolve } from "node:path";
import { fillStage, findFiles, loadAdopter } from "../../host/adoption.ts";
import type { AdoptionFinding, FoundFile } from "../../model/adoption.ts";
import { EXIT, exitCodeOf, type Failure } from "../../model/failure.ts";
import { err, ok, type Result } from "../../model/result.ts";
import {
  planAdoption,
  type AdoptionRequest,
  type AdoptionRow,
  type AdoptionWork,
} from "../../plan/adoption-plan.ts";
import { adoptionJson, adoptionText } from "../../ui/adoption-view.ts";
import { oneLine } from "../../ui/escape.ts";
import type { Arguments } from "../language/arguments.ts";
import { withBuildLock } from "../session/build-lock.ts";
import { recovered } from "../session/recovered.ts";
import { openSession, type Session } from "../session/session.ts";
import { wantedOf } from "../session/wanted.ts";
import { print, printFailures, printJson, standardOutput } from "../terminal/terminal.ts";

export async function run(args: Arguments): Promise<number> {
  const [folder, ...targets] = args.targets;
  const because = args.value("because") ?? null;
  if (folder === undefined || because?.trim() === "") {
    printFailures([folder === undefined ? noFolder : noReason]);
    return EXIT.usage;
  }
  const opened = await openSession({ targets: targets.length > 0 ? targets : ["."] });
  if (!opened.ok) {
    printFailures(opened.error);
    return EXIT.usage;
  }
  const session = opened.value;
  const found = await search(session, resolve(folder));
  if (!found.ok) {
    printFailures([found.error]);
    return exitCodeOf(found.error);
  }
  const answer = (notices: readonly string[], signal: AbortSignal | null): Promise<number> =>
    adopt(
      session,
      { ...found.value, because, force: args.flag("force"), narrowed: targets.length > 0 },
      args,
      { notices, signal },
    );
  return args.flag("dry-run")
    ? answer([], null)
    : withBuildLock(session.layout, "aqm adopt", (signal) =>
        recovered(session, (notices) => answer(notices, signal)),
      );
}

interface Found {
  readonly files: readonly FoundFile[];
  readonly findings: readonly AdoptionFinding[];
}

/** Asks every adopter of the Aqmfile what it makes of the files below a folder. */
async function search(session: Session, folder: string): Promise<Result<Found, Failure>> {
  const { layout, aqmfile, selection } = session;
  if (aqmfile.adopters.length === 0) return err(noAdopters);
  const actions = selection.needed.map(wantedOf);
  const files: FoundFile[] = [];
  const findings: AdoptionFinding[] = [];
  for (const module of aqmfile.adopters) {
    const adopter = await loadAdopter(layout, module);
    if (!adopter.ok) return adopter;
    const looked = findFiles(folder, adopter.value.patterns);
    if (!looked.ok) return looked;
    files.push(...looked.value.files);
    findings.push(...looked.value.refused);
    findings.push(...adopter.value.adopt({ files: looked.value.files, actions }));
  }
  return findings.length === 0 ? err(nothingFound(folder)) : ok({ files, findings });
}

async function adopt(
  { selection, workspace }: Session,
  request: Found & Pick<AdoptionRequest, "because" | "force" | "narrowed">,
  args: Arguments,
  { notices, signal }: { readonly notices: readonly string[]; readonly signal: AbortSignal | null },
): Promise<number> {
  const dryRun = args.flag("dry-run");
  const notes = [...notices];
  await workspace.survey(selection.needed, (event) => {
    if (event.type === "notice") notes.push(event.message);
  });
  const rows = planAdoption({ ...request, nodes: selection.needed }, workspace);
  const failures: Failure[] = [];
  const done: AdoptionRow[] = [];
  for (const row of rows) {
    if (signal?.aborted === true) break; // what was adopted before stays, and is said
    const failure = dryRun ? null : await publishAll(workspace, row, notes);
    if (failure === null) done.push(row);
    else {
      failures.push(failure);
      const { message: reason, nextStep = null } = failure;
      done.push({ ...row, decision: "refused", grade: null, reason, nextStep });
    }
  }
  await workspace.close();
  if (args.flag("json")) printJson({ ...adoptionJson(done), notes });
  else {
    print(adoptionText(done, dryRun, standardOutput.colours));
    for (const note of notes) print(`notice   ${oneLine(note)}`);
  }
  printFailures(failures);
  const refused = done.some(({ decision }) => decision === "refused");
  return refused ? EXIT.actionFailed : EXIT.done;
}

/** Null when all results of a row are in place and recorded. Each is published whole or not at all. */
async function publishAll(
  workspace: Session["workspace"],
  row: AdoptionRow,
  notes: string[],
): Promise<Failure | null> {
  for (const work of row.decision === "adopt" ? row.work : []) {
    const published = await publishOne(workspace, work);
    if (!published.ok) return published.error;
    notes.push(...published.value);
  }
  return null;
}

async function publishOne(
  workspace: Session["workspace"],
  { node, outputs, record }: AdoptionWork,
): Promise<Result<readonly string[], Failure>> {
  const stage = await workspace.stage(node);
  if (!stage.ok) return stage;
  const filled = fillStage(stage.value, outputs, node.id);
  const published = filled.ok
    ? await workspace.publish({ node, stage: stage.value, record })
    : filled;
  if (!published.ok) {
    await stage.value.discard();
    return published;
  }
  return ok(published.value.kept.map(({ path, kept }) => `what lay at ${path} is kept in ${kept}`));
}

const noFolder: Failure = {
  reason: "usage",
  message: "aqm adopt needs a folder with earlier artifacts",
  nextStep: "Write aqm adopt FOLDER, and begin with --dry-run.",
};

const noReason: Failure = {
  reason: "usage",
  message: "--because needs a reason",
  nextStep: 'Write one: --because "measured with the same settings, see …".',
};

const noAdopters: Failure = {
  reason: "usage",
  message: "The Aqmfile names no adopters, so earlier artifacts cannot be recognised here",
  place: { file: "Aqmfile.ts" },
  nextStep: 'Name a module: build([ … ], { adopters: ["rules/adopters/x.ts"] }).',
};

const nothingFound = (folder: string): Failure => ({
  reason: "input_missing",
  message: `No artifact was found in ${folder}`,
  nextStep: "Name the folder that holds them, or one above it.",
});
