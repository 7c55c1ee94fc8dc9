import * as fs from "node:fs";
import { dirname, join, relative } from "node:path";
import type { ActionNode, GraphInput } from "../graph/graph.ts";
import type { OpSource } from "../keys/describe.ts";
import type { OutputDeclaration } from "../model/declaration.ts";
import { digestOfFolder, type Digest } from "../model/digest.ts";
import type { BuildEvent } from "../model/event.ts";
import type { Failure } from "../model/failure.ts";
import type { ActionRecord, EnvironmentDescription, OutputRecord } from "../model/record.ts";
import { err, ok, type Result } from "../model/result.ts";
import type { Observation } from "../plan/knowledge.ts";
import type { Publication, Stage, Workspace } from "../ports.ts";
import { disk, diskFailure, errorCode, errorText } from "./disk.ts";
import type { Evidence } from "./evidence.ts";
import type { Layout } from "./layout.ts";
import { Observer, type FolderFile } from "./observer.ts";
import { publish, recoverPublications, type Recovery } from "./publication.ts";
import { Records } from "./records.ts";
import { openStage } from "./stage.ts";
import { StatCache, wallClock } from "./stat-cache.ts";
import { Store } from "./store.ts";

/** Outputs up to this size are kept in the store, so that going back to an old config is a copy. */
const STORE_LIMIT = 64 * 1024 * 1024;

export interface WorkspaceOptions {
  readonly evidence: Evidence;
  readonly layout: Layout;
  readonly opSource: (node: ActionNode) => OpSource;
  readonly opChanged: (node: ActionNode) => string | null;
  readonly environment: (name: string) => EnvironmentDescription;
  readonly unsupported: (
    node: ActionNode,
  ) => { readonly why: string; readonly nextStep: string } | null;
}

/** The real workspace: files, stat cache, records, store. */
export class DiskWorkspace implements Workspace {
  readonly records: Records;
  readonly opSource: WorkspaceOptions["opSource"];
  readonly opChanged: WorkspaceOptions["opChanged"];
  readonly environment: WorkspaceOptions["environment"];
  readonly unsupported: WorkspaceOptions["unsupported"];
  readonly #layout: Layout;
  readonly #evidence: Evidence;
  readonly #cache: StatCache;
  readonly #observer: Observer;
  readonly #store: Store;
  readonly #seen = new Map<string, Observation>();

  constructor(options: WorkspaceOptions) {
    const { layout } = options;
    this.#layout = layout;
    this.#evidence = options.evidence;
    this.opSource = options.opSource;
    this.opChanged = options.opChanged;
    this.environment = options.environment;
    this.unsupported = options.unsupported;
    this.#cache = new StatCache(join(layout.state, "stat-cache"));
    this.#observer = new Observer(layout.root, this.#cache, options.evidence);
    this.records = new Records(layout.lockRecords, join(layout.state, "history.jsonl"));
    this.#store = new Store(layout.store);
  }

  // --- Knowledge -------------------------------------------------------------------------------

  observeInput(input: GraphInput): Observation {
    return this.#known(input);
  }

  observeOutput(output: OutputDeclaration): Observation {
    return this.#known(output);
  }

  record(node: ActionNode): ActionRecord | null {
    return this.records.record(node);
  }

  trace(node: ActionNode, key: Digest): ActionRecord | null {
    const results = this.records.history(key);
    const inWorkspace = results.find((record) =>
      Object.entries(node.declaration.outputs).every(([role, output]) => {
        const found = this.#known(output);
        return found.state === "present" && found.digest === record.outputs[role]?.digest;
      }),
    );
    return inWorkspace ?? results.at(-1) ?? null;
  }

  everBuilt(node: ActionNode): boolean {
    return this.records.record(node) !== null || this.records.inHistory(node.id);
  }

  inStore(digest: Digest): boolean {
    return this.#store.has(digest);
  }

  /** Whether anything was put into the store. */
  get storeGrown(): boolean {
    return this.#store.grown;
  }

  // --- Looking ---------------------------------------------------------------------------------

  async survey(nodes: readonly ActionNode[], progress: (event: BuildEvent) => void): Promise<void> {
    const report = (file: string, done: number, total: number): void =>
      progress({ type: "hashing", file, done, total });
    this.records.tellLosses((message) => progress({ type: "notice", message }));
    this.#evidence.look(this.#layout.journal);
    const recordFolders = new Set(nodes.map(({ id }) => dirname(this.records.pathOf(id))));
    for (const folder of recordFolders) this.#evidence.look(folder);
    for (const node of nodes) {
      this.records.record(node); // so that damage is known before the plan is made
      for (const input of node.inputs) {
        if (input.producer === null) await this.#look(input, report);
      }
      for (const output of Object.values(node.declaration.outputs))
        await this.#look(output, report);
    }
    for (const path of this.records.damaged.splice(0)) {
      const file = relative(this.#layout.root, path);
      const target = relative(this.#layout.lockRecords, path).replace(/\.json$/, "");
      const message = target.startsWith("..")
        ? `${file} is damaged and was ignored; what it was about to publish is made again`
        : this.records.conflicted.has(path)
          ? `${file} is in the middle of a merge and was ignored; its target counts as never built until \`aqm lock resolve ${target}\` has settled it`
          : `${file} is damaged and was ignored; its target counts as never built`;
      progress({ type: "notice", message });
    }
  }

  async observeAgain(input: GraphInput): Promise<Digest | null> {
    const found = await this.#observer.observe(input);
    this.#seen.set(seenKey(input), found);
    return found.state === "present" ? found.digest : null;
  }

  async #look(
    place: GraphInput | OutputDeclaration,
    report: (file: string, done: number, total: number) => void,
  ): Promise<void> {
    const key = seenKey(place);
    if (!this.#seen.has(key)) this.#seen.set(key, await this.#observer.observe(place, report));
  }

  #known(place: GraphInput | OutputDeclaration): Observation {
    const found = this.#seen.get(seenKey(place));
    if (found === undefined) throw new Error(`${place.path} was not surveyed`);
    return found;
  }

  // --- Changing --------------------------------------------------------------------------------

  async recover(): Promise<Result<Recovery, Failure>> {
    try {
      removeObstacles(this.#layout);
      const recovery = await recoverPublications(this.#layout, this.records, async (path) => {
        const absolute = join(this.#layout.root, path);
        const folder = fs.statSync(absolute, { throwIfNoEntry: false })?.isDirectory() === true;
        const found = await this.#observer.observe({ path, kind: folder ? "folder" : "file" });
        return found.state === "present" ? found.digest : null;
      });
      disk.remove(this.#layout.stage);
      return ok(recovery);
    } catch (error) {
      return err(diskFailure(error, ".aqm"));
    }
  }

  stage(node: ActionNode): Promise<Result<Stage, Failure>> {
    return Promise.resolve(openStage(this.#layout, node));
  }

  async publish({
    node,
    stage,
    record,
  }: Publication): Promise<Result<{ changed: boolean }, Failure>> {
    const before = this.records.record(node);
    const outputs: Record<string, OutputRecord> = {};
    const moves: { from: string; to: string }[] = [];
    const moved: MovedFile[] = [];
    try {
      for (const [role, output] of Object.entries(node.declaration.outputs)) {
        const staged = stage.paths[role] ?? "";
        const found = await this.#takeIn(staged, output, moved);
        if (found === null) return err(outputMissing(node, role, output));
        outputs[role] = { path: output.path, ...found };
        moves.push({ from: relative(this.#layout.root, staged), to: output.path });
      }
      publish(this.#layout, this.records, moves, { ...record, outputs });
    } catch (error) {
      return err(diskFailure(error, node.id, node.id));
    }
    for (const file of moved) {
      const after = fs.statSync(join(this.#layout.root, file.path), {
        bigint: true,
        throwIfNoEntry: false,
      });
      if (after !== undefined) {
        this.#cache.rememberMoved(file.path, file.stat, after, file.digest, file.readAt);
      }
    }
    for (const [role, output] of Object.entries(node.declaration.outputs)) {
      const known = outputs[role];
      if (known === undefined) continue;
      this.#seen.set(seenKey(output), { state: "present", digest: known.digest, size: known.size });
    }
    await stage.discard();
    const changed = Object.entries(outputs).some(
      ([role, { digest }]) => before?.outputs[role]?.digest !== digest,
    );
    return ok({ changed });
  }

  /** Digests a staged output, makes it durable, and keeps a copy in the store if it is small. */
  async #takeIn(
    staged: string,
    output: OutputDeclaration,
    moved: MovedFile[],
  ): Promise<{ digest: Digest; size: number } | null> {
    const stat = fs.statSync(staged, { bigint: true, throwIfNoEntry: false });
    if (stat === undefined || stat.isDirectory() !== (output.kind === "folder")) return null;
    const readAt = wallClock();
    const parent = relative(this.#layout.root, staged);
    const files: readonly FolderFile[] =
      output.kind === "folder"
        ? await this.#observer.listFolder({ path: parent, kind: "folder" })
        : [await this.#stagedFile(parent)];
    const size = files.reduce((sum, file) => sum + file.size, 0);
    for (const file of files) {
      const absolute = output.kind === "folder" ? join(staged, file.path) : staged;
      disk.sync(absolute);
      moved.push({
        path: output.kind === "folder" ? `${output.path}/${file.path}` : output.path,
        stat: fs.statSync(absolute, { bigint: true }),
        digest: file.digest,
        readAt,
      });
    }
    const [first] = files;
    if (output.kind === "file") {
      if (first === undefined) return null;
      if (size <= STORE_LIMIT) this.#store.putFile(staged, first.digest);
      return { digest: first.digest, size };
    }
    const digest = digestOfFolder(files.map((file) => [file.path, file.digest]));
    if (size <= STORE_LIMIT) this.#store.putFolder(staged, files, digest);
    return { digest, size };
  }

  async #stagedFile(path: string): Promise<FolderFile> {
    const found = await this.#observer.observe({ path, kind: "file" });
    if (found.state !== "present") throw new Error(`${path} vanished while it was published`);
    return { path, digest: found.digest, size: found.size };
  }

  async restore(node: ActionNode, result: ActionRecord): Promise<Result<void, Failure>> {
    const staged = await this.stage(node);
    if (!staged.ok) return staged;
    const moves: { from: string; to: string }[] = [];
    const restored = new Map<string, Observation>();
    try {
      for (const [role, output] of Object.entries(node.declaration.outputs)) {
        const wanted = result.outputs[role]?.digest;
        const found = this.#known(output);
        const there = found.state === "present" && found.digest === wanted;
        if (wanted === undefined || there || !this.#store.has(wanted)) continue;
        const place = staged.value.paths[role] ?? "";
        if (!(await this.#store.takeOut(wanted, output.kind, place))) {
          return err(damagedBlob(node, output.path));
        }
        moves.push({ from: relative(this.#layout.root, place), to: output.path });
        const size = result.outputs[role]?.size ?? 0;
        restored.set(seenKey(output), { state: "present", digest: wanted, size });
      }
      publish(this.#layout, this.records, moves, result);
      for (const [key, found] of restored) this.#seen.set(key, found);
      return ok(undefined);
    } catch (error) {
      return err(diskFailure(error, node.id, node.id));
    } finally {
      await staged.value.discard();
    }
  }

  close(): Promise<void> {
    try {
      removeIfEmpty(this.#layout.stage);
      this.#cache.save();
      this.#store.close();
    } catch (error) {
      // Only a cache: on a full or read-only disk the next command hashes again.
      if (errorCode(error) === "") throw new Error(errorText(error), { cause: error });
    }
    return Promise.resolve();
  }
}

interface MovedFile {
  readonly path: string;
  readonly stat: fs.BigIntStats;
  readonly digest: Digest;
  readonly readAt: bigint;
}

/** A file where a folder of the state should be: whatever it was, it stands in the way of every build. */
function removeObstacles({ stage, journal, store, logs, aside, state }: Layout): void {
  for (const folder of [stage, journal, store, logs, aside, join(state, "fresh")]) {
    if (fs.lstatSync(folder, { throwIfNoEntry: false })?.isFile() === true) disk.remove(folder);
  }
}

function removeIfEmpty(folder: string): void {
  try {
    disk.removeEmptyFolder(folder);
  } catch (error) {
    if (!["ENOENT", "ENOTEMPTY", "EEXIST"].includes(errorCode(error))) throw error;
  }
}

const seenKey = (place: { path: string; include?: readonly string[] }): string =>
  place.include === undefined ? place.path : `${place.path}\0${place.include.join("\0")}`;

const outputMissing = (node: ActionNode, role: string, output: OutputDeclaration): Failure => ({
  reason: "output_missing",
  message: `The op said it was done but did not write its output ${role} (a ${output.kind})`,
  target: node.id,
  place: { file: output.path },
  nextStep: "This is a mistake in the op: it must write every declared output.",
});

const damagedBlob = (node: ActionNode, path: string): Failure => ({
  reason: "state_damaged",
  message: `The stored copy of ${path} is damaged and was removed from the store`,
  target: node.id,
  place: { file: path },
  nextStep: "Run the same command again: it will be made anew.",
});
