import { EXIT } from "../../model/failure.ts";
import { oneLine } from "../../ui/escape.ts";
import type { Arguments } from "../language/arguments.ts";
import { openAsked } from "../session/asked.ts";
import { print, printFailures, printJson } from "../terminal/terminal.ts";

export async function run(args: Arguments): Promise<number> {
  const targets = args.targets.length > 0 ? args.targets : ["."];
  const session = await openAsked(args, { targets });
  if (!session.ok) {
    printFailures(session.error);
    return EXIT.usage;
  }
  const { selection } = session.value;
  const left = [...selection.skipped].map(([path, skipped]) => ({ path, skipped }));
  if (args.flag("sources")) {
    const sources = new Map<string, string>();
    for (const node of selection.needed) {
      for (const { path, kind, producer } of node.inputs)
        if (producer === null) sources.set(path, kind);
    }
    const rows = [...sources].map(([path, kind]) => ({ path, kind })).sort(byPath);
    if (args.flag("json")) printJson(rows);
    else for (const { path } of rows) print(oneLine(path));
    return EXIT.done;
  }
  const rows = [...selection.requested]
    .flatMap(({ declaration: { op, outputs, resources } }) =>
      Object.values(outputs).map(({ path, kind, keep }) => ({
        path,
        kind,
        keep,
        op: op.runtime === "python" ? op.name : op.module,
        lane: resources.gpu > 0 ? "gpu" : "cpu",
      })),
    )
    .sort(byPath);
  if (args.flag("json")) printJson([...rows, ...left].sort(byPath));
  else {
    const lines = [
      ...rows.map(({ path, kind }) => ({ path, text: kind === "folder" ? `${path}/` : path })),
      ...left.map(({ path, skipped }) => ({ path, text: `${path} (skipped: ${skipped})` })),
    ];
    for (const { text } of lines.sort(byPath)) print(oneLine(text));
  }
  return EXIT.done;
}

const byPath = (a: { path: string }, b: { path: string }): number =>
  a.path < b.path ? -1 : a.path > b.path ? 1 : 0;
