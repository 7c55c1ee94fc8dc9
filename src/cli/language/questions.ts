/** What `aqm query` can be asked. */
export const QUESTION_NAMES = ["deps", "rdeps", "paths", "kind", "stale"] as const;
export type QuestionName = (typeof QUESTION_NAMES)[number];
