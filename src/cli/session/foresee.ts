import { informedPlan } from "../../execute/informed-plan.ts";
import type { Plan } from "../../plan/plan.ts";
import type { Session } from "./session.ts";

/** What a build would do now, and what it would find half done. */
export interface Foreseen {
  readonly plan: Plan;
  /** Targets whose publication was interrupted; a build finishes these first, and the plan supposes it. */
  readonly unfinished: readonly string[];
  /** What there is to say of the shared cache. */
  readonly notices: readonly string[];
}

/**
 * The plan of a session that changes nothing. It closes the workspace, which knows everything by then. The shared
 * cache is asked what a build would ask it, or the plan would not be that of a build; nothing is fetched.
 */
export async function foresee({
  selection,
  workspace,
}: Pick<Session, "selection" | "workspace">): Promise<Foreseen> {
  const unfinished = await workspace.foresee();
  await workspace.survey(selection.needed, () => undefined);
  const notices: string[] = [];
  workspace.shared?.tellTo((message) => notices.push(message));
  const plan = await informedPlan(selection, workspace);
  await workspace.close();
  workspace.shared?.close();
  return { plan, unfinished, notices };
}
