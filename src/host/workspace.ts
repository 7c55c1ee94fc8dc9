import * as fs from "node:fs";
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import type { ActionNode, GraphInput } from "../graph/graph.ts";
import type { OpSource } from "../keys/describe.ts";
import type { OutputDeclaration } from "../model/declaration.ts";
import { digestOfFolder, shortDigest, type Digest } from "../model/digest.ts";
import type { BuildEvent } from "../model/event.ts";
import type { Failure } from "../model/failure.ts";
import { onceForEachFolder, parentOf } from "../model/folders.ts";
import {
  resultOf,
  type ActionRecord,
  type EnvironmentDescription,
  type OutputRecord,
} from "../model/record.ts";
import { fileOf, regionOf } from "../model/region.ts";
import { err, ok, type Result } from "../model/result.ts";
import type { Observation } from "../plan/knowledge.ts";
import type { Publication, Replaced, Stage, Workspace } from "../ports.ts";
import {
  disk,
  diskFailure,
  errorCode,
  errorText,
  writeFileAtomic,
  type ComingFile,
} from "./disk.ts";
import { statOf, type Evidence } from "./evidence.ts";
import type { Layout } from "./layout.ts";
import { History } from "./history.ts";
import { HashPool } from "./hash-pool.ts";
import { Observer, type FolderFile, type HashProgress } from "./observer.ts";
import { outputProblem } from "./output-check.ts";
import {
  foreseeRecovery,
  publish,
  recoverPublications,
  type Move,
  type Recovery,
} from "./publication.ts";
import { Records } from "./records.ts";
import {
  digestOfStagedRegion,
  editedRegions,
  regionEdited,
  regionInvalid,
  settleStagedRegion,
} from "./regions.ts";
import { keepUnknown, type Coming } from "./replaced.ts";
import { openStage } from "./stage.ts";
import { StatCache } from "./stat-cache.ts";
import { Store } from "./store.ts";

/** Outputs up to this size are kept in the store, so that going back to an old config is a copy. */
const STORE_LIMIT = 64 * 1024 * 1024;

export interface WorkspaceOptions {
  /** Regions are filled whatever a person wrote in them; that is kept aside. */
  readonly force?: boolean;
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
  readonly history: History;
  readonly opSource: WorkspaceOptions["opSource"];
  readonly opChanged: WorkspaceOptions["opChanged"];
  readonly environment: WorkspaceOptions["environment"];
  readonly unsupported: WorkspaceOptions["unsupported"];
  readonly #layout: Layout;
  readonly #evidence: Evidence;
  readonly #cache: StatCache;
  readonly #pool: HashPool;
  readonly #observer: Observer;
  readonly #stageObserver: Observer;
  readonly #store: Store;
  readonly #seen = new Map<string, Observation>();
  readonly #force: boolean;

  constructor(options: WorkspaceOptions) {
    const { layout } = options;
    this.#layout = layout;
    this.#evidence = options.evidence;
    this.opSource = options.opSource;
    this.opChanged = options.opChanged;
    this.environment = options.environment;
    this.unsupported = options.unsupported;
    this.#force = options.force ?? false;
    this.#cache = new StatCache(join(layout.state, "stat-cache"));
    this.#pool = new HashPool(pathToFileURL(join(layout.packageRoot, "dist/hash-worker.js")));
    this.#observer = new Observer(layout.root, this.#cache, options.evidence, this.#pool);
    this.#stageObserver = new Observer(layout.root, null, null);
    this.records = new Records(layout.lockRecords, options.evidence);
    this.history = new History(layout.history);
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
    const results = this.history.ofKey(node.id, key);
    const inWorkspace = results.find((record) =>
      Object.entries(node.declaration.outputs).every(([role, output]) => {
        const found = this.#known(output);
        return found.state === "present" && found.digest === record.outputs[role]?.digest;
      }),
    );
    return inWorkspace ?? results.at(-1) ?? null;
  }

  adoptions(node: ActionNode): readonly ActionRecord[] {
    return this.history.adoptions(node.id);
  }

  everBuilt(node: ActionNode): boolean {
    return this.records.record(node) !== null || this.history.has(node.id);
  }

  inStore(digest: Digest): boolean {
    return this.#store.has(digest);
  }

  /** Whether anything was put into the store. */
  get storeGrown(): boolean {
    return this.#store.grown;
  }

  // --- Looking ---------------------------------------------------------------------------------

  async survey(
    nodes: readonly ActionNode[],
    progress: (event: BuildEvent) => void,
    signal?: AbortSignal,
  ): Promise<void> {
    const report = overall((file, done, total) => progress({ type: "hashing", file, done, total }));
    this.history.tellLosses((message) => progress({ type: "notice", message }));
    const stop = (): void => void this.#pool.close();
    signal?.addEventListener("abort", stop, { once: true });
    const looks: Promise<void>[] = [];
    // Thousands of targets that were never built share a few folders that are not there.
    const isAbsent = onceForEachFolder(
      false,
      (folder, around) =>
        around ||
        fs.lstatSync(`${this.#layout.root}/${folder}`, { throwIfNoEntry: false }) === undefined,
    );
    const look = (place: GraphInput | OutputDeclaration): void => {
      if (isAbsent(parentOf(place.path))) this.#noteAbsent(place);
      else this.#look(place, report, looks);
    };
    for (const node of nodes) {
      this.records.record(node); // so that damage is known before the plan is made
      for (const input of node.inputs)
        if (input.producer === null || input.optional === true) look(input);
      for (const output of Object.values(node.declaration.outputs)) look(output);
    }
    await Promise.all(looks);
    signal?.removeEventListener("abort", stop);
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

  #noteAbsent(place: GraphInput | OutputDeclaration): void {
    const key = seenKey(place);
    if (this.#seen.has(key)) return;
    this.#evidence.notePlace(`${this.#layout.root}/${fileOf(place)}`, undefined);
    this.#seen.set(key, { state: "missing" });
  }

  /** Adds to `looks` what is not over at once. */
  #look(place: GraphInput | OutputDeclaration, report: HashProgress, looks: Promise<void>[]): void {
    const key = seenKey(place);
    if (this.#seen.has(key)) return;
    const found = this.#observer.observe(place, report);
    this.#seen.set(key, UNDER_WAY);
    looks.push(found.then((observation) => void this.#seen.set(key, observation)));
  }

  #known(place: GraphInput | OutputDeclaration): Observation {
    const found = this.#seen.get(seenKey(place));
    if (found === undefined) throw new Error(`${place.path} was not surveyed`);
    return found;
  }

  // --- Changing --------------------------------------------------------------------------------

  /**
   * For a plan that changes nothing: knows things as `recover` will leave them. Returns the targets whose
   * publication was interrupted.
   */
  async foresee(): Promise<readonly string[]> {
    const foreseen = await foreseeRecovery(this.#layout, (path, isRegion) =>
      this.#lookAt(path, isRegion),
    );
    if (foreseen.length > 0) this.#evidence.leaveIncomplete();
    for (const { record, places } of foreseen) {
      if (record !== null) {
        this.records.assume(record);
        this.history.assume(record);
      }
      for (const [path, found] of places) this.#seen.set(path, found);
    }
    return foreseen.map(({ target }) => target);
  }

  #lookAt(path: string, isRegion: boolean): Promise<Observation> {
    if (isRegion) return this.#observer.observe({ path, kind: "region" });
    const stat = statOf(join(this.#layout.root, path));
    return this.#observer.observe({ path, kind: stat?.isDirectory() === true ? "folder" : "file" });
  }

  async recover(): Promise<Result<Recovery, Failure>> {
    try {
      removeObstacles(this.#layout);
      const recovery = await recoverPublications(this.#layout, this, async (path, isRegion) => {
        const found = await this.#lookAt(path, isRegion);
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
  }: Publication): Promise<Result<{ changed: boolean; kept: readonly Replaced[] }, Failure>> {
    const before = this.records.record(node);
    const outputs: Record<string, OutputRecord> = {};
    const moves: Move[] = [];
    const moved: MovedFile[] = [];
    const syncs: Promise<void>[] = [];
    let written: ComingFile | null = null;
    const documents = this.#documentsOf(node);
    let kept: readonly Replaced[] = [];
    try {
      for (const [role, output] of Object.entries(node.declaration.outputs)) {
        const staged = stage.paths[role] ?? "";
        if (!isThere(staged, output)) return err(outputMissing(node, role, output));
        const problem = outputProblem(node, output, staged);
        if (problem !== null) return err(problem);
        const refused = output.kind === "region" ? settleStagedRegion(staged) : null;
        if (refused !== null) return err(regionInvalid(node, output.path, refused));
        const found = await this.#takeIn(staged, output, moved, syncs);
        outputs[role] = { path: output.path, ...found };
        moves.push(moveOf(this.#layout.root, staged, output));
      }
      // Content and record are durable before either has its name.
      const whole = resultOf({ ...record, outputs }, before);
      if (isOneFile(node, moves)) written = this.records.writeSoon(whole);
      await Promise.all([...syncs, written?.durable]);
      kept = await this.#keepUnknown(node, Object.values(outputs));
      const edited = this.#heedEdits(node, moves, kept);
      if (!edited.ok) return edited;
      kept = edited.value;
      documents.lookBefore();
      publish(this.#layout, this, moves, whole, written ?? undefined);
      documents.noteAfter();
    } catch (error) {
      written?.discard();
      return err(diskFailure(error, node.id, node.id));
    }
    for (const file of moved) {
      const absolute = join(this.#layout.root, file.path);
      const after = fs.statSync(absolute, { throwIfNoEntry: false });
      if (after === undefined) continue;
      this.#cache.rememberMoved(file.path, file.stat, after, file.digest);
      this.#evidence.noteMade(absolute, after);
    }
    for (const [role, output] of Object.entries(node.declaration.outputs)) {
      const known = outputs[role];
      if (known === undefined) continue;
      if (output.kind === "folder") this.#evidence.doubt(join(this.#layout.root, output.path));
      this.#seen.set(seenKey(output), { state: "present", digest: known.digest, size: known.size });
    }
    await stage.discard();
    const changed = Object.entries(outputs).some(
      ([role, { digest }]) => before?.outputs[role]?.digest !== digest,
    );
    return ok({ changed, kept });
  }

  /** Digests a staged output, begins to make it durable, and keeps a copy in the store if it is small. */
  async #takeIn(
    staged: string,
    output: OutputDeclaration,
    moved: MovedFile[],
    syncs: Promise<void>[],
  ): Promise<{ digest: Digest; size: number }> {
    const sync = (path: string): void => {
      const durable = disk.syncSoon(path);
      durable.catch(() => undefined); // whoever awaits it is told
      syncs.push(durable);
    };
    if (output.kind !== "folder") {
      disk.settle(staged);
      sync(staged);
    }
    const parent = relative(this.#layout.root, staged);
    const files: readonly FolderFile[] =
      output.kind === "folder"
        ? await this.#stageObserver.listFolder({ path: parent, kind: "folder" })
        : [await this.#stagedFile(parent)];
    const size = files.reduce((sum, file) => sum + file.size, 0);
    for (const file of files) {
      const absolute = output.kind === "folder" ? join(staged, file.path) : staged;
      if (output.kind === "folder") disk.sync(absolute); // there may be more than can be open at once
      if (output.kind === "region") continue; // it is the file around it that changes
      moved.push({
        path: output.kind === "folder" ? `${output.path}/${file.path}` : output.path,
        stat: fs.statSync(absolute),
        digest: file.digest,
      });
    }
    const [first] = files;
    if (output.kind !== "folder") {
      if (first === undefined) throw new Error(`${staged} was not listed`);
      if (size <= STORE_LIMIT) this.#store.putFile(staged, first.digest);
      return { digest: first.digest, size };
    }
    const digest = digestOfFolder(files.map((file) => [file.path, file.digest]));
    if (size <= STORE_LIMIT) this.#store.putFolder(staged, files, digest);
    return { digest, size };
  }

  async #stagedFile(path: string): Promise<FolderFile> {
    const found = await this.#stageObserver.observe({ path, kind: "file" });
    if (found.state !== "present") throw new Error(`${path} vanished while it was published`);
    return { path, digest: found.digest, size: found.size };
  }

  /** The files whose regions an action fills: what of them stays sure. */
  #documentsOf({ declaration }: ActionNode): { lookBefore: () => void; noteAfter: () => void } {
    const { root } = this.#layout;
    const files = new Set(
      Object.values(declaration.outputs).flatMap((output) =>
        output.kind === "region" ? [join(root, fileOf(output))] : [],
      ),
    );
    let sure: readonly string[] = [];
    return {
      // Somebody else may have edited another region since it was looked at.
      lookBefore: () => void (sure = [...files].filter((f) => this.#evidence.isSure(f, statOf(f)))),
      noteAfter: () => {
        for (const file of files) {
          const stat = sure.includes(file) ? statOf(file) : undefined;
          if (stat === undefined) this.#evidence.doubt(file);
          else this.#evidence.noteMade(file, stat);
        }
      },
    };
  }

  /** Refuses to write over what a person wrote in a region; told to, keeps that aside instead. */
  #heedEdits(
    node: ActionNode,
    moves: readonly Move[],
    kept: readonly Replaced[],
  ): Result<readonly Replaced[], Failure> {
    const { root, replaced } = this.#layout;
    const staged = moves.flatMap(({ from, to, region }) =>
      region === true ? [{ path: to, from: join(root, from) }] : [],
    );
    if (staged.length === 0) return ok(kept);
    const coming = Object.values(node.declaration.outputs).flatMap((output) => {
      const one = staged.find(({ path }) => path === output.path);
      return one === undefined ? [] : [{ output, digest: digestOfStagedRegion(one.from) }];
    });
    const edited = editedRegions(
      root,
      coming,
      (path, digest) => this.#made(node, path, digest) || this.#store.has(digest),
    );
    const [first] = edited;
    if (first !== undefined && !this.#force) {
      const { path } = first.output;
      const last = Object.values(this.records.record(node)?.outputs ?? {});
      const digest = last.find((output) => output.path === path)?.digest;
      const published = digest === undefined ? null : this.#store.text(digest);
      const from = staged.find((one) => one.path === path)?.from ?? "";
      return err(regionEdited(node, first, published, fs.readFileSync(from, "utf8")));
    }
    const aside = edited.map(({ output: { path }, digest, content }) => {
      const place = join(replaced, shortDigest(digest), path);
      if (!fs.existsSync(place)) writeFileAtomic(place, content);
      return { path, kept: relative(root, place) };
    });
    return ok([...kept, ...aside]);
  }

  /** What a person put where these outputs go, kept aside. */
  #keepUnknown(node: ActionNode, coming: readonly Coming[]): Promise<readonly Replaced[]> {
    return keepUnknown(
      this.#layout,
      coming,
      (path, kind) => this.#observer.observe({ path, kind }),
      (path, digest) => this.#made(node, path, digest) || this.#store.has(digest),
    );
  }

  /** Whether some record says that aqm made this content at this path. */
  #made(node: ActionNode, path: string, digest: Digest): boolean {
    const outputs = Object.values(this.records.record(node)?.outputs ?? {});
    const recorded = outputs.some((output) => output.path === path && output.digest === digest);
    return recorded || this.history.made(node.id, path, digest);
  }

  async restore(
    node: ActionNode,
    result: ActionRecord,
  ): Promise<Result<readonly Replaced[], Failure>> {
    const staged = await this.stage(node);
    if (!staged.ok) return staged;
    const moves: Move[] = [];
    const coming: Coming[] = [];
    let written: ComingFile | null = null;
    const restored = new Map<string, Observation>();
    try {
      for (const [role, output] of Object.entries(node.declaration.outputs)) {
        const wanted = result.outputs[role]?.digest;
        const found = this.#known(output);
        const there = found.state === "present" && found.digest === wanted;
        if (wanted === undefined || there || !this.#store.has(wanted)) continue;
        const place = staged.value.paths[role] ?? "";
        const kind = output.kind === "folder" ? "folder" : "file";
        if (!(await this.#store.takeOut(wanted, kind, place))) {
          return err(damagedBlob(node, output.path));
        }
        moves.push(moveOf(this.#layout.root, place, output));
        coming.push({ path: output.path, digest: wanted });
        const size = result.outputs[role]?.size ?? 0;
        restored.set(seenKey(output), { state: "present", digest: wanted, size });
      }
      if (isOneFile(node, moves)) written = this.records.writeSoon(result);
      await written?.durable;
      const edited = this.#heedEdits(node, moves, await this.#keepUnknown(node, coming));
      if (!edited.ok) {
        written?.discard();
        return edited;
      }
      publish(this.#layout, this, moves, result, written ?? undefined);
      for (const { to, region } of moves) {
        const file = region === true ? regionOf(to).file : to;
        this.#evidence.doubt(join(this.#layout.root, file));
      }
      for (const [key, found] of restored) this.#seen.set(key, found);
      return edited;
    } catch (error) {
      written?.discard();
      return err(diskFailure(error, node.id, node.id));
    } finally {
      await staged.value.discard();
    }
  }

  async close(): Promise<void> {
    await this.#pool.close();
    try {
      removeIfEmpty(this.#layout.stage);
      this.#cache.save();
      this.#store.close();
    } catch (error) {
      // Only a cache: on a full or read-only disk the next command hashes again.
      if (errorCode(error) === "") throw new Error(errorText(error), { cause: error });
    }
  }
}

/** Until a look is over; nobody asks before that. */
const UNDER_WAY: Observation = { state: "unreadable", error: "it is being read" };

/** Files are hashed side by side: what is shown is how far all of them are. */
function overall(report: HashProgress): HashProgress {
  const files = new Map<string, { done: number; readonly total: number }>();
  let done = 0;
  let total = 0;
  return (file, now, size) => {
    const known = files.get(file) ?? { done: 0, total: size };
    if (!files.has(file)) total += size;
    files.set(file, known);
    done += now - known.done;
    known.done = now;
    report(file, done, total);
  };
}

interface MovedFile {
  readonly path: string;
  readonly stat: fs.Stats;
  readonly digest: Digest;
}

/** A file where a folder of the state should be: whatever it was, it stands in the way of every build. */
function removeObstacles({ stage, journal, store, logs, aside, state }: Layout): void {
  for (const folder of [stage, journal, store, logs, aside, join(state, "fresh")]) {
    if (fs.lstatSync(folder, { throwIfNoEntry: false })?.isFile() === true) disk.remove(folder);
  }
}

/** More than that is a transaction whose intent holds the record already: see `publish`. */
const isOneFile = ({ declaration: { outputs } }: ActionNode, moves: readonly unknown[]): boolean =>
  moves.length <= 1 && Object.values(outputs).every(({ kind }) => kind === "file");
const moveOf = (root: string, staged: string, { path, kind }: OutputDeclaration): Move => ({
  from: relative(root, staged),
  to: path,
  ...(kind === "region" ? { region: true } : {}),
});

function isThere(staged: string, { kind }: OutputDeclaration): boolean {
  const stat = fs.lstatSync(staged, { throwIfNoEntry: false });
  return (
    stat !== undefined && (stat.isSymbolicLink() || stat.isDirectory() === (kind === "folder"))
  );
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
