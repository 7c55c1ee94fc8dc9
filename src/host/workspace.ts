import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import type { ActionNode, GraphInput } from "../graph/graph.ts";
import type { OpSource } from "../keys/describe.ts";
import type { OutputDeclaration } from "../model/declaration.ts";
import type { Digest } from "../model/digest.ts";
import type { BuildEvent } from "../model/event.ts";
import type { Failure } from "../model/failure.ts";
import { onceForEachFolder, parentOf } from "../model/folders.ts";
import { provenanceDigest } from "../model/provenance.ts";
import { recordPath, type ActionRecord, type EnvironmentDescription } from "../model/record.ts";
import { fileOf } from "../model/region.ts";
import { err, ok, type Result } from "../model/result.ts";
import type { RegionEditFate } from "../model/verdict.ts";
import type { Keeper, Knowledge, Observation, Unfit } from "../plan/knowledge.ts";
import type { Lacking } from "../plan/lacking.ts";
import type { PartialResults, Publication, Stage, Workspace } from "../ports.ts";
import type { SharedResults } from "./cache/shared-results.ts";
import { disk, errorCode, errorText } from "./disk/disk.ts";
import { diskFailure } from "./disk/disk-failure.ts";
import { lstatIfThere } from "./disk/stat.ts";
import type { Evidence } from "./evidence/evidence.ts";
import { statOf } from "./evidence/ways.ts";
import type { Layout } from "./disk/layout.ts";
import { History } from "./records/history.ts";
import { Expectations } from "./observe/expectations.ts";
import { HashPool } from "./observe/hash-pool.ts";
import { Observer, type HashProgress } from "./observe/observer.ts";
import { foreseeRecovery, recoverPublications } from "./publish/publication.ts";
import { openPartialResults } from "./partial/partial-results.ts";
import { Publisher } from "./publish/publisher.ts";
import { clearStage, mendState } from "./publish/state-folders.ts";
import { Records } from "./records/records.ts";
import { Seen } from "./evidence/seen.ts";
import { openStage } from "./publish/stage.ts";
import { StatCache } from "./observe/stat-cache.ts";
import { Store } from "./store/store.ts";

export interface WorkspaceOptions {
  /** Regions are filled even if a person edited them; the edit is kept aside. */
  readonly force?: boolean;
  readonly evidence: Evidence;
  readonly layout: Layout;
  readonly opSource: (node: ActionNode) => OpSource;
  readonly opChanged: (node: ActionNode) => string | null;
  /** Absolute paths of the files that an op is made of. */
  readonly opFiles: (node: ActionNode) => readonly string[];
  readonly environment: (name: string) => EnvironmentDescription;
  readonly unsupported: Knowledge["unsupported"];
  /** What is shared with other workspaces; null where nothing is. */
  readonly shared?: SharedResults | null;
}

/** The real workspace: files, stat cache, records, store. */
export class DiskWorkspace implements Workspace {
  readonly records: Records;
  readonly history: History;
  readonly opSource: WorkspaceOptions["opSource"];
  readonly opChanged: WorkspaceOptions["opChanged"];
  readonly environment: WorkspaceOptions["environment"];
  readonly unsupported: WorkspaceOptions["unsupported"];
  readonly shared: SharedResults | null;
  readonly #layout: Layout;
  readonly #evidence: Evidence;
  readonly #cache: StatCache;
  readonly #pool: HashPool;
  readonly #observer: Observer;
  readonly #store: Store;
  readonly #seen = new Seen();
  readonly #expectations: Expectations;
  readonly #publisher: Publisher;
  readonly #opFiles: WorkspaceOptions["opFiles"];
  #partialsOpened = false;

  constructor(options: WorkspaceOptions) {
    const { layout } = options;
    this.#layout = layout;
    this.#evidence = options.evidence;
    this.#expectations = new Expectations(layout.root);
    this.opSource = options.opSource;
    this.opChanged = options.opChanged;
    this.#opFiles = options.opFiles;
    this.environment = options.environment;
    this.unsupported = options.unsupported;
    this.shared = options.shared ?? null;
    this.#cache = new StatCache(join(layout.state, "stat-cache"));
    this.#pool = new HashPool(pathToFileURL(join(layout.packageRoot, "dist/hash-worker.js")));
    this.#observer = new Observer(layout.root, this.#cache, options.evidence, this.#pool);
    this.records = new Records(layout.lockRecords, options.evidence);
    this.history = new History(layout.history);
    this.#store = new Store(layout.store);
    this.#publisher = new Publisher({
      layout,
      evidence: options.evidence,
      cache: this.#cache,
      observer: this.#observer,
      records: this.records,
      history: this.history,
      store: this.#store,
      seen: this.#seen,
      shared: this.shared,
      force: options.force ?? false,
    });
  }

  // --- Knowledge -------------------------------------------------------------------------------

  observeInput(input: GraphInput): Observation | Unfit {
    const found = this.#seen.at(input);
    if (input.expect === undefined || found.state !== "present") return found;
    return this.#expectations.unmet(input, found.digest) ?? found;
  }

  observeOutput(output: OutputDeclaration): Observation {
    return this.#seen.at(output);
  }

  record(node: ActionNode): ActionRecord | null {
    return this.records.record(node);
  }

  trace(node: ActionNode, key: Digest): ActionRecord | null {
    const results = this.history.ofKey(node.id, key);
    const inWorkspace = results.find((record) =>
      Object.entries(node.declaration.outputs).every(([role, output]) => {
        const found = this.#seen.at(output);
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

  learnt(_node: ActionNode, key: Digest): ActionRecord | null {
    return this.shared?.learnt(key) ?? null;
  }

  kept(digest: Digest): Keeper | null {
    if (this.#store.has(digest)) return "store";
    return this.shared?.has(digest) === true ? "shared" : null;
  }

  mayLearn(key: Digest): boolean {
    return this.shared?.mayLearn(key) === true;
  }

  learn(lacking: readonly Lacking[]): Promise<boolean> {
    if (this.shared === null) return Promise.resolve(false);
    return this.shared.learn(lacking, {
      has: (content) => this.#store.has(content),
      results: ({ node, key }) => {
        const last = this.records.record(node);
        return [...(last?.key === key ? [last] : []), ...this.history.ofKey(node.id, key)];
      },
    });
  }

  regionEdit(node: ActionNode, output: OutputDeclaration): RegionEditFate | null {
    const found = this.#seen.at(output);
    if (output.kind !== "region" || found.state !== "present") return null;
    return this.#publisher.fateOf(node, output.path, found.digest);
  }

  /** Whether anything was put into the store. */
  get storeGrown(): boolean {
    return this.#store.grown;
  }

  /** Whether partial results may have been added. */
  get partialsGrown(): boolean {
    return this.#partialsOpened;
  }

  // --- Looking ---------------------------------------------------------------------------------

  async survey(
    nodes: readonly ActionNode[],
    progress: (event: BuildEvent) => void,
    signal?: AbortSignal,
  ): Promise<void> {
    const report = overall((file, done, total) => progress({ type: "hashing", file, done, total }));
    this.history.tellLosses((message) => progress({ type: "notice", message }));
    this.shared?.tellTo((message) => progress({ type: "notice", message }));
    if (signal !== undefined) this.shared?.stopWith(signal);
    const stop = (): void => void this.#pool.close();
    signal?.addEventListener("abort", stop, { once: true });
    const looks: Promise<void>[] = [];
    // Thousands of targets that were never built share a few folders that are not there.
    const isAbsent = onceForEachFolder(
      false,
      (folder, around) => around || lstatIfThere(`${this.#layout.root}/${folder}`) === undefined,
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
    this.#seen.set(input, found);
    return found.state === "present" ? found.digest : null;
  }

  #noteAbsent(place: GraphInput | OutputDeclaration): void {
    if (this.#seen.has(place)) return;
    this.#evidence.notePlace(`${this.#layout.root}/${fileOf(place)}`, undefined);
    this.#seen.set(place, { state: "missing" });
  }

  /** Adds to `looks` what is not over at once. */
  #look(place: GraphInput | OutputDeclaration, report: HashProgress, looks: Promise<void>[]): void {
    if (this.#seen.has(place)) return;
    const found = this.#observer.observe(place, report);
    this.#seen.set(place, UNDER_WAY);
    looks.push(found.then((observation) => this.#seen.set(place, observation)));
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
        const digest = provenanceDigest(record);
        this.#seen.set({ path: recordPath(record.target) }, { state: "present", digest, size: 0 });
      }
      for (const [path, found] of places) this.#seen.set({ path }, found);
    }
    return foreseen.map(({ target }) => target);
  }

  #lookAt(path: string, isRegion: boolean): Promise<Observation> {
    if (isRegion) return this.#observer.observe({ path, kind: "region" });
    const stat = statOf(join(this.#layout.root, path));
    return this.#observer.observe({ path, kind: stat?.isDirectory() === true ? "folder" : "file" });
  }

  async recover(): ReturnType<Workspace["recover"]> {
    try {
      const mended = mendState(this.#layout);
      const recovery = await recoverPublications(this.#layout, this, async (path, isRegion) => {
        const found = await this.#lookAt(path, isRegion);
        return found.state === "present" ? found.digest : null;
      });
      return ok({ ...recovery, notices: [...mended, ...clearStage(this.#layout)] });
    } catch (error) {
      return err(diskFailure(error, ".aqm"));
    }
  }

  stage(node: ActionNode): Promise<Result<Stage, Failure>> {
    return Promise.resolve(openStage(this.#layout, node));
  }

  partialResults(node: ActionNode, identity: Digest): Result<PartialResults, Failure> {
    this.#partialsOpened = true;
    return openPartialResults(this.#layout, node, identity, this.#opFiles(node));
  }

  publish(publication: Publication): ReturnType<Workspace["publish"]> {
    return this.#publisher.publish(publication);
  }

  regionEdited(node: ActionNode): Failure | null {
    return this.#publisher.regionEdited(node);
  }

  restore(...asked: Parameters<Workspace["restore"]>): ReturnType<Workspace["restore"]> {
    return this.#publisher.restore(...asked);
  }

  /** Gives a result that lies here to the shared cache, in the background. */
  offer(node: ActionNode, record: ActionRecord): void {
    this.#publisher.offer(node, record);
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

/** Until a look is over; no question comes before that. */
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

function removeIfEmpty(folder: string): void {
  try {
    disk.removeEmptyFolder(folder);
  } catch (error) {
    if (!["ENOENT", "ENOTEMPTY", "EEXIST"].includes(errorCode(error))) throw error;
  }
}
