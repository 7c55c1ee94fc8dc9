import type { Answer, AnsweredPrompt } from "./evaluation.ts";

/** Text of an answer that both models say, or that only this one does. */
export interface Run {
  readonly text: string;
  readonly differs: boolean;
}

/** A prompt with both answers, as a table or a page shows it. */
export interface SideBySide {
  readonly prompt: string;
  /** Path below the images' folder; null where the prompt is text alone. */
  readonly image: string | null;
  readonly same: boolean;
  readonly unquantized: readonly Run[];
  readonly scheme: readonly Run[];
  /** `token 4 of 15`; null where the answers are the same. */
  readonly first: string | null;
  /** Tokens of each answer that the other one lacks. */
  readonly different: { readonly unquantized: number; readonly scheme: number };
}

/** Stands where a model ended its answer, and the other one did not end it there. */
export const END = "⟨end⟩";

/** Stands behind an answer that was cut off at `max_new_tokens`. */
export const CUT = "…";

/** Answers with the tokens marked in which they differ. Texts are not escaped. */
export const sideBySide = (answers: readonly AnsweredPrompt[]): readonly SideBySide[] =>
  answers.map(({ prompt, image, unquantized, scheme, first_difference }) => ({
    prompt,
    image,
    same: first_difference === null,
    unquantized: runsOf(unquantized),
    scheme: runsOf(scheme),
    first:
      first_difference === null
        ? null
        : `token ${first_difference + 1} of ${unquantized.tokens.length}`,
    different: {
      unquantized: unquantized.different.length,
      scheme: scheme.different.length,
    },
  }));

/** How many answers of the scheme are those of the unquantized model, token by token. */
export const sameAnswers = (answers: readonly AnsweredPrompt[]): number =>
  answers.filter(({ first_difference }) => first_difference === null).length;

/** Neighbouring tokens of one kind together. The token that ends an answer is shown only where it differs. */
function runsOf({ pieces, different, ended }: Answer): readonly Run[] {
  const marked = new Set(different);
  const runs: { text: string; differs: boolean }[] = [];
  const add = (text: string, differs: boolean): void => {
    const last = runs.at(-1);
    if (last?.differs === differs) last.text += text;
    else if (text !== "") runs.push({ text, differs });
  };
  for (const [place, piece] of pieces.entries()) {
    const isEnd = ended && place === pieces.length - 1;
    if (!isEnd) add(piece, marked.has(place));
    else if (marked.has(place)) add(END, true);
  }
  if (!ended) add(CUT, false);
  return runs;
}
