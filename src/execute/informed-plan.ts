import type { Selection } from "../graph/select.ts";
import { lackingIn } from "../plan/lacking.ts";
import { makePlan, type Plan } from "../plan/plan.ts";
import type { Workspace } from "../ports.ts";

/**
 * The plan of a build, a dry run and every view: it names the keys that it lacks, the workspace asks the shared
 * cache about all of them at once, and the plan is made again. A result that is found makes the keys of what is
 * made from it known, so this repeats until nothing new is learnt: at most once for each link of the longest chain.
 */
export async function informedPlan(
  selection: Selection,
  workspace: Pick<Workspace, "learn"> & Parameters<typeof makePlan>[1],
): Promise<Plan> {
  let plan = makePlan(selection, workspace);
  while (await workspace.learn(lackingIn(plan))) plan = makePlan(selection, workspace);
  return plan;
}
