import type { BuildEvent } from "../model/event.ts";
import type { Failure } from "../model/failure.ts";

/** While watching a saved file starts a build: the next step of a failure is not to run the command again. */
export function whileWatching(event: BuildEvent): BuildEvent {
  if (event.type !== "failure" && event.type !== "action_failed") return event;
  return { ...event, failure: withoutCommand(event.failure) };
}

function withoutCommand(failure: Failure): Failure {
  if (failure.nextStep === undefined) return failure;
  return { ...failure, nextStep: nextStepWhileWatching(failure.nextStep) };
}

export const nextStepWhileWatching = (text: string): string =>
  text
    .replace(/^Correct it and run the same command again/, "Correct it and save it")
    .replace(/run the same command (?:again|to start it again)/i, (words) =>
      words.startsWith("R")
        ? "Save a watched file to try again"
        : "save a watched file to try again",
    );
