import { clusterOf } from "../../host/slurm/settings.ts";
import type { Elsewhere } from "../../schedule/lanes.ts";
import type { Session } from "./session.ts";

/** What the cluster takes of a session, as the schedule wants to know it; null where it takes nothing. */
export function elsewhereOf({ offers, aqmfile, expected, selection }: Session): Elsewhere | null {
  const takes: Elsewhere["takes"] = ({ declaration }) =>
    declaration.op.runtime === offers.slurm.runtime && offers.slurm.takes?.(declaration) === true;
  if (!selection.needed.some(takes)) return null;
  const { jobs, jobSeconds } = clusterOf(aqmfile.slurm);
  return {
    takes,
    jobs,
    seconds: (node) => expected(node)?.seconds.likely ?? null,
    jobSeconds,
  };
}
