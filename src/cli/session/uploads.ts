import type { SharedResults } from "../../host/cache/shared-results.ts";
import type { EmitEvent } from "../../model/event.ts";
import { plural } from "../../ui/format.ts";

/** Seconds that a finished build waits for what is on its way to the shared cache. */
const WAIT = 30;
/** So many targets that are left are named. */
const NAMED = 3;

/** After a build: gives what is on its way to the shared cache some time, and says what came of it. */
export async function finishUploads(
  shared: SharedResults | null,
  emit: EmitEvent,
  signal: AbortSignal,
): Promise<void> {
  if (shared === null) return;
  const notice = (message: string): void => emit({ type: "notice", message });
  const { cache, uploads } = shared;
  const wait = waitFor(process.env["AQM_CACHE_WAIT"] ?? "");
  if (wait === null) notice(`AQM_CACHE_WAIT takes a number of seconds; ${WAIT} of them are waited`);
  const left = await uploads.settle(1000 * (wait ?? WAIT), signal);
  const sent = uploads.takeSent();
  if (sent > 0) notice(`gave ${plural(sent, "result")} to the shared cache ${cache.place}`);
  const told = cache.writesNothing !== null; // why, and so that nothing more is to be expected
  shared.close();
  if (left.length === 0 || (told && !signal.aborted)) return;
  const more = left.length > NAMED ? " and others" : "";
  notice(
    `${plural(left.length, "result")} of this build ${left.length === 1 ? "is" : "are"} not in the shared cache ${cache.place} (${left.slice(0, NAMED).join(", ")}${more}): \`aqm cache push\` tries again`,
  );
}

function waitFor(text: string): number | null {
  if (text === "") return WAIT;
  const seconds = Number(text);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds : null;
}
