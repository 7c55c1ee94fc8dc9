import type { Command, ScheduleEvent } from "../schedule/events.ts";
import type { Schedule } from "../schedule/schedule.ts";

export type Send = (event: ScheduleEvent) => void;

/**
 * Sends events to a schedule and has its commands performed, until nothing is under way. `perform` answers
 * by `send` at once, or by the promise of an event.
 *
 * @throws what `perform` throws: a broken invariant must end the build, and not leave it waiting
 */
export function drive(
  schedule: Schedule,
  perform: (command: Command, send: Send) => Promise<ScheduleEvent> | null,
  signal: AbortSignal,
): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    const inbox: ScheduleEvent[] = [];
    let draining = false;
    const send: Send = (event) => {
      inbox.push(event);
      if (draining) return;
      draining = true;
      try {
        for (const next of inbox) {
          for (const command of schedule.handle(next)) perform(command, send)?.then(send, reject);
        }
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
      }
      inbox.length = 0;
      draining = false;
      if (schedule.finished) {
        signal.removeEventListener("abort", cancel);
        resolve();
      }
    };
    const cancel = (): void => send({ type: "cancel" });
    signal.addEventListener("abort", cancel, { once: true });
    send(signal.aborted ? { type: "cancel" } : { type: "begin" });
  });
}
