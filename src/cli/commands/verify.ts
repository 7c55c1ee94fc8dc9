import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { HashPool } from "../../host/observe/hash-pool.ts";
import { Observer } from "../../host/observe/observer.ts";
import { Verifier, type Verification } from "../../host/observe/verify.ts";
import { EXIT } from "../../model/failure.ts";
import { buildSettings, type Arguments } from "../language/arguments.ts";
import { rerunVerified, type Rerunnable } from "../session/rerun.ts";
import { openAsked } from "../session/asked.ts";
import type { Session } from "../session/session.ts";
import { print, printFailures, printJson, standardOutput } from "../terminal/terminal.ts";
import { verifyJson, verifyText } from "../views/verify-view.ts";

export async function run(args: Arguments): Promise<number> {
  const settings = buildSettings(args);
  if (!settings.ok) {
    printFailures([settings.error]);
    return EXIT.usage;
  }
  const session = await openAsked(args, {
    gpus: args.value("gpus"),
    python: args.values("python"),
  });
  if (!session.ok) {
    printFailures(session.error);
    return EXIT.usage;
  }
  const verifications = await verified(session.value);
  const again: Rerunnable = args.flag("rerun")
    ? await rerunVerified(session.value, verifications, settings.value.jobs, args)
    : { exitCode: EXIT.done, reruns: [] };
  await session.value.workspace.close();
  const right =
    verifications.every((verification) => isRight(verification, session.value.selection.exact)) &&
    again.reruns.every(({ state }) => state === "same");
  const stopped = again.exitCode > 128; // by a signal
  const exitCode = stopped ? again.exitCode : right ? EXIT.done : EXIT.actionFailed;
  if (args.flag("json")) printJson(verifyJson(verifications, again.reruns, exitCode));
  else print(verifyText(verifications, again.reruns, standardOutput.colours));
  return exitCode;
}

/** What was never built is nothing wrong in a folder or a glob; named by itself it is missing. */
const isRight = ({ target, state }: Verification, exact: ReadonlySet<string>): boolean =>
  state === "verified" ||
  state === "missing_local_output" ||
  (state === "never_built" && !exact.has(target));

/** Every requested action against its record, all bytes read. */
async function verified({
  layout,
  selection,
  workspace,
}: Session): Promise<readonly Verification[]> {
  const nodes = selection.needed.filter((node) => selection.requested.has(node));
  const pool = new HashPool(pathToFileURL(join(layout.packageRoot, "dist/hash-worker.js")));
  const verifier = new Verifier(new Observer(layout.root, null, null, pool));
  try {
    return await Promise.all(
      nodes.map((node) => {
        const record = workspace.record(node);
        const { records } = workspace;
        return verifier.verify(node, record, records.damaged.includes(records.pathOf(node.id)));
      }),
    );
  } finally {
    await pool.close();
  }
}
