import * as fs from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { startPageServer } from "../../host/page-server.ts";
import type { BuildEvent } from "../../model/event.ts";
import type { Failure } from "../../model/failure.ts";
import { ok, type Result } from "../../model/result.ts";
import { widthOf } from "../../plan/cost.ts";
import { pictureOf } from "../../plan/picture.ts";
import { makePlan } from "../../plan/plan.ts";
import { graphPage } from "../../ui/graph-page.ts";
import { PageStateFold } from "../../ui/page-state.ts";
import { servePage } from "../../ui/serve-page.ts";
import { pageParts, pageTitle } from "./page-parts.ts";
import type { Session } from "../session/session.ts";

export interface Serving {
  readonly url: string;
  readonly port: number;
  readonly report: (event: BuildEvent) => void;
  /** From now on this is what is shown. */
  readonly show: (session: Session) => void;
  readonly close: () => Promise<void>;
}

/** Shows what a watch builds: its HTML outputs, the graph, and what is wrong. */
export async function startServing(root: string, port: number): Promise<Result<Serving, Failure>> {
  let shown: Session | null = null;
  let outputs: ReadonlyMap<string, "file" | "folder"> = new Map();
  let pages: readonly { readonly path: string; readonly target: string }[] = [];
  const frame = servePage(pageParts("serve"));
  const told = (): object => ({ ...state.now, pages });
  let tell: (value: object) => void = () => undefined;
  const state = new PageStateFold(() => tell(told()));
  const server = await startPageServer({
    port,
    root,
    isShown: (path) => outputs.has(path) || isInside(path, outputs),
    made: {
      "/": () => frame,
      "/graph": () => (shown === null ? null : graphOf(shown)),
    },
    greeting: told,
  });
  if (!server.ok) return server;
  ({ tell } = server.value);
  return ok({
    url: server.value.url,
    port: server.value.port,
    report: state.report,
    show: (session) => {
      shown = session;
      outputs = outputsOf(session);
      pages = [...pagesOf(session)].sort((a, b) => (a.path < b.path ? -1 : 1));
    },
    close: server.value.close,
  });
}

/** From what the last build knows, so that nothing has to be looked at. */
function graphOf(session: Session): string {
  const { selection, workspace, expected, targets } = session;
  const width = widthOf(availableParallelism(), session);
  const picture = pictureOf(makePlan(selection, workspace), expected, width);
  return graphPage(picture, pageTitle(targets), pageParts("graph"));
}

const outputsOf = ({ selection }: Session): ReadonlyMap<string, "file" | "folder"> =>
  new Map(
    selection.needed.flatMap(({ declaration }) =>
      Object.values(declaration.outputs).flatMap(({ path, kind }) =>
        // A region's document is what people wrote, not what was made.
        kind === "region" ? [] : [[path, kind] as const],
      ),
    ),
  );

function isInside(path: string, outputs: ReadonlyMap<string, "file" | "folder">): boolean {
  for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1))
    if (outputs.get(path.slice(0, end)) === "folder") return true;
  return false;
}

/** The HTML files that are there: only what was published is of use to anybody. */
function* pagesOf({ selection, layout }: Session): Iterable<{ path: string; target: string }> {
  for (const { id, declaration } of selection.needed)
    for (const { path } of Object.values(declaration.outputs))
      if (path.endsWith(".html") && fs.existsSync(join(layout.root, path)))
        yield { path, target: id };
}
