import { makePlan, type Plan } from "../../plan/plan.ts";
import type { Session } from "./session.ts";

/** What a build would do now, and what it would find half done. */
export interface Foreseen {
  readonly plan: Plan;
  /** Targets whose publication was interrupted; a build finishes these first, and the plan supposes it. */
  readonly unfinished: readonly string[];
}

/** The plan of a session that changes nothing. It closes the workspace, which knows everything by then. */
export async function foresee({
  selection,
  workspace,
}: Pick<Session, "selection" | "workspace">): Promise<Foreseen> {
  const unfinished = await workspace.foresee();
  await workspace.survey(selection.needed, () => undefined);
  const plan = makePlan(selection, workspace);
  await workspace.close();
  return { plan, unfinished };
}
