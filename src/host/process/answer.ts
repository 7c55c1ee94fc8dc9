import { passed } from "./passed.ts";
import { endGroup, runToEnd, type FinishedProcess } from "./process.ts";

/**
 * What a tool answers that should take a moment; null where it gives no answer in time, or the question is given up.
 * One that waits within the kernel cannot even be ended, so its end is not waited for either.
 */
export async function answerInTime(
  tool: string,
  args: readonly string[],
  patience: number,
  signal: AbortSignal,
): Promise<FinishedProcess | null> {
  let pid = 0;
  const answer = runToEnd(tool, args, {
    env: { LC_ALL: "C" },
    started: (number) => (pid = number),
  });
  const over = new AbortController();
  const late = passed(patience, AbortSignal.any([signal, over.signal]));
  const isInTime = await Promise.race([answer.then(() => true), late]).finally(() => over.abort());
  if (isInTime) return answer;
  answer.catch(() => undefined);
  if (pid > 1) endGroup(pid);
  return null;
}
