import { join, relative } from "node:path";
import { digestOfBytes } from "../../model/digest.ts";
import { LOCK_FOLDER } from "../../model/record.ts";

/** Where everything is in a workspace. */
export interface Layout {
  /** Absolute path of the folder that holds the Aqmfile. */
  readonly root: string;
  readonly aqmfile: string;
  readonly conf: string;
  /** Committed lock records. */
  readonly lockRecords: string;
  /** Ignored state; deleting it costs time, never correctness. */
  readonly state: string;
  readonly store: string;
  readonly stage: string;
  /** Partial results of resumable actions, a folder an identity. */
  readonly partial: string;
  /** Large files that have come from a shared cache in part; a later build goes on with them. */
  readonly arriving: string;
  readonly journal: string;
  readonly history: string;
  readonly logs: string;
  readonly aside: string;
  /** What people had put where an output belongs, before it was replaced. */
  readonly replaced: string;
  readonly compiled: string;
  /** Folder of the aqm package itself: rules in other workspaces use its runner. */
  readonly packageRoot: string;
}

export function layoutOf(root: string, packageRoot: string): Layout {
  const state = join(root, ".aqm");
  return {
    root,
    aqmfile: join(root, "Aqmfile.ts"),
    conf: join(root, "conf"),
    lockRecords: join(root, LOCK_FOLDER),
    state,
    store: join(state, "store"),
    stage: join(state, "stage"),
    partial: join(state, "partial"),
    arriving: join(state, "arriving"),
    journal: join(state, "journal"),
    history: join(state, "history"),
    logs: join(state, "logs"),
    aside: join(state, "failed"),
    replaced: join(state, "replaced"),
    compiled: join(state, "compiled"),
    packageRoot,
  };
}

/** Where the log of a target's last run is, workspace-relative. */
export const logOf = ({ root, logs }: Layout, target: string): string =>
  relative(root, join(logs, `${fileNameOf(target)}.log`));

/** A file name for a target: readable, unique, and safe on every file system. */
export function fileNameOf(target: string): string {
  const name = encodeURIComponent(target.replaceAll("/", "~")).replaceAll("%", "=");
  const plain = name.length <= LONGEST && name.toLowerCase() === name && !target.includes("~");
  if (plain) return name;
  // A digest keeps apart what is cut off, what differs only in case, and ~ from /.
  const digest = digestOfBytes(target).slice("sha256:".length, 24);
  return `${name.slice(0, LONGEST - digest.length - 1)}-${digest}`;
}

const LONGEST = 180;
