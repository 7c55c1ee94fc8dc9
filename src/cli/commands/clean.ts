import { dirname, join, relative } from "node:path";
import { disk } from "../../host/disk/disk.ts";
import { personalLitter } from "../../host/observe/observer.ts";
import { clearRegion } from "../../host/disk/regions.ts";
import { turn } from "../../host/process/turn.ts";
import { EXIT } from "../../model/failure.ts";
import { oneLine } from "../../ui/escape.ts";
import type { BuildEvent } from "../../model/event.ts";
import { plural } from "../../ui/format.ts";
import type { Arguments } from "../language/arguments.ts";
import { withBuildLock } from "../session/build-lock.ts";
import { openAsked } from "../session/asked.ts";
import { damagedRecords } from "../session/damaged.ts";
import { recovered } from "../session/recovered.ts";
import type { Session } from "../session/session.ts";
import { print, printFailures, printJson } from "../terminal/terminal.ts";

export async function run(args: Arguments): Promise<number> {
  const session = await openAsked(args, {
    targets: args.targets.length > 0 ? args.targets : ["."],
  });
  if (!session.ok) {
    printFailures(session.error);
    return EXIT.usage;
  }
  if (args.flag("dry-run")) return clean(session.value, args, [], null);
  // Not under the feet of a build, and not before what one left unfinished is settled.
  return withBuildLock(session.value.layout, "aqm clean", (signal) =>
    recovered(session.value, (notices) => clean(session.value, args, notices, signal)),
  );
}

/** What was removed before a signal is said. */
async function clean(
  session: Session,
  args: Arguments,
  found: readonly string[],
  signal: AbortSignal | null,
): Promise<number> {
  const { layout, selection, workspace, relocated } = session;
  const nodes = [...selection.requested];
  const damaged = damagedRecords(workspace, nodes);
  const notices = [...found];
  const look = (event: BuildEvent): void => {
    if (event.type === "notice") notices.push(event.message);
  };
  await workspace.survey(nodes, look, signal ?? undefined);
  const due: string[] = [];
  const regions = new Set<string>();
  const kept: { path: string; why: string }[] = [];
  // `--set` is about a variant: what the variant shares with others is not the variant's to remove.
  const shared: string[] = [];
  for (const node of nodes) {
    const record = workspace.record(node);
    for (const [role, output] of Object.entries(node.declaration.outputs)) {
      const found = workspace.observeOutput(output);
      if (found.state === "missing") continue;
      if (relocated?.has(node) === false) {
        shared.push(output.path);
        continue;
      }
      const recorded = record?.outputs[role]?.digest;
      const same = found.state === "present" && found.digest === recorded;
      const looked = same && output.kind === "folder" ? join(layout.root, output.path) : null;
      const [more] = looked === null ? [] : [...personalLitter(looked)];
      const ours = same && more === undefined;
      if (ours || (args.flag("force") && recorded !== undefined)) {
        due.push(output.path);
        if (output.kind === "region") regions.add(output.path);
      } else
        kept.push({
          path: output.path,
          why:
            more !== undefined
              ? `${relative(layout.root, more)} in it is not of aqm`
              : recorded === undefined
                ? damaged.has(node.id)
                  ? "its record cannot be read"
                  : "aqm did not write it"
                : "it was changed since",
        });
    }
  }
  due.sort();
  const removed: string[] = [];
  for (const path of due) {
    await turn();
    if (signal?.aborted === true) break;
    removed.push(path);
    if (!args.flag("dry-run")) {
      if (regions.has(path)) clearRegion(layout.root, path, layout.stage);
      else remove(layout.root, path);
    }
  }
  await workspace.close();
  if (args.flag("json")) printJson({ removed, kept, shared: shared.sort(), notices });
  else {
    const word = args.flag("dry-run") ? "would remove" : "removed";
    for (const notice of notices) print(`notice ${oneLine(notice)}`);
    for (const path of removed) print(`${word} ${oneLine(path)}`);
    for (const { path, why } of kept) print(`kept ${oneLine(path)}: ${why}`);
    if (shared.length > 0) {
      print(
        `kept ${plural(shared.length, "output")} outside of tmp/, which the settings do not touch`,
      );
    }
    if (removed.length + kept.length + shared.length === 0) print("nothing to remove");
  }
  return EXIT.done;
}

/** Removes an output and the folders above it that are empty then. */
function remove(root: string, path: string): void {
  disk.remove(join(root, path));
  for (let folder = dirname(path); folder !== "."; folder = dirname(folder)) {
    try {
      disk.removeEmptyFolder(join(root, folder));
    } catch {
      return; // not empty
    }
  }
}
