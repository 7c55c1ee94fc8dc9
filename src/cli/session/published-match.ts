import { basename, join } from "node:path";
import {
  basesFor,
  belowBase,
  inOrder,
  matchPublished,
  type PublishedMatch,
  type PublishedOutput,
} from "../../graph/published.ts";
import { findFiles, loadAdopter } from "../../host/adoption.ts";
import { folderName, listPublished } from "../../host/published.ts";
import type { AdoptionFinding, Contradiction } from "../../model/adoption.ts";
import type { Failure } from "../../model/failure.ts";
import { parentOf } from "../../model/folders.ts";
import { err, ok, type Result } from "../../model/result.ts";
import type { Session } from "./session.ts";
import { wantedOf } from "./wanted.ts";

/**
 * Finds the part of the workspace that a folder mirrors, and which output each of its files is: by its place, else as
 * the adopters of the Aqmfile recognise it by what is in it.
 *
 * @param asked the folder or output that was asked for, relative to the workspace
 */
export async function matchFolder(
  session: Session,
  asked: string,
  folder: string,
): Promise<Result<PublishedMatch, Failure>> {
  const { graph } = session.aqmfile;
  const { requested } = session.selection;
  let found: { readonly match: PublishedMatch; readonly below: string } | null = null;
  for (const base of basesFor(asked)) {
    const below = belowBase(base, asked);
    const listed = listPublished(folder, below);
    if (!listed.ok) return listed;
    const { files, links } = listed.value;
    const match = matchPublished(graph, requested, base, files);
    const linked = links.map((file) => ({ file, because: "it is a symbolic link" }));
    const whole = { ...match, unmade: [...match.unmade, ...linked] };
    if (files.length > 0 && (found === null || match.outputs.length > 0))
      found = { match: whole, below };
    if (match.outputs.length > 0) break;
  }
  if (found === null) {
    return ok({ base: asked === "." ? "" : asked, outputs: [], unmade: [], unknown: [] });
  }
  return withRecognised(session, folder, found.below, found.match);
}

async function withRecognised(
  session: Session,
  folder: string,
  below: string,
  match: PublishedMatch,
): Promise<Result<PublishedMatch, Failure>> {
  const { aqmfile, layout, selection } = session;
  if (match.unknown.length === 0) return ok(match);
  const unknown = new Set(match.unknown);
  const outputs = new Map(match.outputs.map((output) => [output.path, output]));
  const unmade = [...match.unmade];
  // All that is declared, so that what is of another model is not taken for one of this.
  const { actions } = aqmfile.graph;
  const byTarget = new Map(actions.map((node) => [node.id, node]));
  const searched = join(folder, below);
  const top = `${folderName(searched)}/`;
  const relative = (file: string): string => {
    const inside = file.startsWith(top) ? file.slice(top.length) : file;
    return below === "" ? inside : `${below}/${inside}`;
  };
  const add = (output: PublishedOutput): void => {
    unknown.delete(output.published);
    const first = outputs.get(output.path);
    if (first === undefined) outputs.set(output.path, output);
    else if (first.published !== output.published)
      unmade.push({
        file: output.published,
        because: `another copy of ${output.path}: compared is ${first.published}`,
      });
  };
  for (const module of aqmfile.adopters) {
    const adopter = await loadAdopter(layout, module);
    if (!adopter.ok) return err(adopter.error);
    const looked = findFiles(searched, adopter.value.patterns);
    if (!looked.ok) return err(looked.error);
    const files = looked.value.files.filter(({ path }) => match.unknown.includes(relative(path)));
    const texts = new Map(files.map(({ path, text }) => [path, text]));
    const findings: readonly AdoptionFinding[] = adopter.value.adopt({
      files,
      actions: actions.map(wantedOf),
    });
    for (const finding of findings) {
      const published = relative(finding.file);
      if (finding.kind === "refusal") {
        unknown.delete(published);
        unmade.push({ file: published, because: finding.message });
        continue;
      }
      if (finding.contradictions.length > 0) {
        unknown.delete(published);
        unmade.push({ file: published, because: contradictionText(finding.contradictions) });
        continue;
      }
      for (const { target, outputs: made } of finding.results) {
        const node = byTarget.get(target);
        if (node === undefined || !selection.requested.has(node)) continue;
        for (const [role, text] of Object.entries(made)) {
          const output = node.declaration.outputs[role];
          // What an adopter works out of the file is not published.
          if (output === undefined || text !== texts.get(finding.file)) continue;
          add({ path: output.path, node, role, kind: "file", published });
          for (const beside of besides(session, output.path, published, unknown)) add(beside);
        }
      }
    }
  }
  return ok({
    ...match,
    outputs: inOrder([...outputs.values()]),
    unmade,
    unknown: [...unknown],
  });
}

const contradictionText = (contradictions: readonly Contradiction[]): string => {
  const [first] = contradictions;
  const more = contradictions.length > 1 ? `, and ${contradictions.length - 1} more` : "";
  const shown = (value: Contradiction["found"] = null): string =>
    value === null ? "nothing" : JSON.stringify(value);
  return `it is not what is declared: ${first?.field ?? ""}, declared ${shown(first?.declared)}, found ${shown(first?.found)}${more}`;
};

/** Files that lie beside a recognised one and are called as outputs beside the one that it is. */
function besides(
  { aqmfile, selection }: Session,
  path: string,
  published: string,
  unknown: ReadonlySet<string>,
): readonly PublishedOutput[] {
  return [...unknown].flatMap((file) => {
    if (parentOf(file) !== parentOf(published)) return [];
    const beside = `${parentOf(path)}/${basename(file)}`;
    const maker = aqmfile.graph.byOutput.get(beside);
    if (maker === undefined || !selection.requested.has(maker.action)) return [];
    if (maker.action.declaration.outputs[maker.role]?.kind !== "file") return [];
    const { action: node, role } = maker;
    return [{ path: beside, node, role, kind: "file" as const, published: file }];
  });
}
