/**
 * Where an action is in a build:
 *
 *   waiting ──all producers settled──▶ judging ──fresh──────────────▶ settled
 *      ▲                                  │├─────restore─▶ restoring ──▶ settled
 *      │                                  │├─────run─▶ queued ─lease─▶ running ──▶ settled | failed | submitted
 *      │                                  │└─────blocked──────────────▶ blocked
 *      └──its absent inputs are brought back first
 *
 * A settled action goes back to judging when a consumer needs its absent outputs, and when an input
 * of that output was made again with other content. What is submitted goes on elsewhere after this build; the
 * next one takes its result.
 */
export type Status =
  | "waiting"
  | "judging"
  | "restoring"
  | "queued"
  | "running"
  | "submitted"
  | "settled"
  | "failed"
  | "blocked";

/** Whether an action will not have outputs in this build. */
export const isLost = (status: Status): boolean => status === "failed" || status === "blocked";
