/** The folder that a relative path lies in; empty at the top. */
export const parentOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf("/")));

/** The folders above a path, the nearest first. */
export function* foldersAbove(path: string): Generator<string> {
  for (let folder = parentOf(path); folder !== ""; folder = parentOf(folder)) yield folder;
}

/**
 * Answers a question about folders that depends on the answer for the folder around it. Most paths share
 * their folders, so each is asked about once.
 */
export function onceForEachFolder<Answer>(
  top: Answer,
  ask: (folder: string, around: Answer) => Answer,
): (folder: string) => Answer {
  const known = new Map([["", top]]);
  const answer = (folder: string): Answer => {
    if (known.has(folder)) return known.get(folder) as Answer;
    const found = ask(folder, answer(parentOf(folder)));
    known.set(folder, found);
    return found;
  };
  return answer;
}
