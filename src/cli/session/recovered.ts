import { recoveryNotices } from "../../execute/announce.ts";
import { EXIT } from "../../model/failure.ts";
import { printFailures } from "../terminal/terminal.ts";
import type { Session } from "./session.ts";

/**
 * Runs `answer` once what a build left unfinished is settled, with what there is to say about that. Where it cannot be
 * settled, the failure is printed and nothing else happens.
 *
 * @returns the exit code
 */
export async function recovered(
  { workspace }: Pick<Session, "workspace">,
  answer: (notices: readonly string[]) => Promise<number>,
): Promise<number> {
  const recovery = await workspace.recover();
  if (recovery.ok) return answer(recoveryNotices(recovery.value));
  printFailures([recovery.error]);
  return EXIT.actionFailed;
}
