import * as fs from "node:fs";
import { join, relative } from "node:path";
import type { ActionNode } from "../../graph/graph.ts";
import type { OutputDeclaration } from "../../model/declaration.ts";
import { digestOfFolder, type Digest } from "../../model/digest.ts";
import type { Failure } from "../../model/failure.ts";
import { resultOf, type ActionRecord, type OutputRecord } from "../../model/record.ts";
import { regionOf } from "../../model/region.ts";
import { err, ok, type Result } from "../../model/result.ts";
import type { RegionEditFate } from "../../model/verdict.ts";
import type { Observation } from "../../plan/knowledge.ts";
import type { Publication, Replaced } from "../../ports.ts";
import type { SharedResults } from "../cache/shared-results.ts";
import { disk, type ComingFile } from "../disk/disk.ts";
import { diskFailure } from "../disk/disk-failure.ts";
import type { Evidence } from "../evidence/evidence.ts";
import type { History } from "../records/history.ts";
import type { Layout } from "../disk/layout.ts";
import { Observer, type FolderFile } from "../observe/observer.ts";
import { outputProblem } from "../observe/output-check.ts";
import { publish, type Books, type Move } from "./publication.ts";
import type { Records } from "../records/records.ts";
import { FilledDocuments, RegionEdits } from "./region-edits.ts";
import { regionInvalid, settleStagedRegion } from "../disk/regions.ts";
import { keepUnknown, type Coming } from "./replaced.ts";
import type { Seen } from "../evidence/seen.ts";
import { KnownContent } from "./known-content.ts";
import { ownStaged } from "./own-staged.ts";
import { Contents, STORE_LIMIT } from "./contents.ts";
import { outputMissing } from "./publish-failures.ts";
import { openStage } from "./stage.ts";
import type { StatCache } from "../observe/stat-cache.ts";
import type { Store } from "../store/store.ts";

/** What a publisher shares with the workspace that it is part of. */
export interface PublisherOptions {
  readonly layout: Layout;
  readonly evidence: Evidence;
  readonly cache: StatCache;
  readonly observer: Observer;
  readonly records: Records;
  readonly history: History;
  readonly store: Store;
  readonly seen: Seen;
  readonly shared: SharedResults | null;
  /** Regions are filled even if a person edited them; the edit is kept aside. */
  readonly force: boolean;
}

/** Takes in what an action wrote, or what the store has, and puts it in its place. */
export class Publisher {
  readonly #layout: Layout;
  readonly #evidence: Evidence;
  readonly #cache: StatCache;
  readonly #observer: Observer;
  readonly #stageObserver: Observer;
  readonly #records: Records;
  readonly #history: History;
  readonly #store: Store;
  readonly #seen: Seen;
  readonly #edits: RegionEdits;
  readonly #known: KnownContent;
  readonly #contents: Contents;

  constructor(options: PublisherOptions) {
    const { layout, records, store } = options;
    this.#layout = layout;
    this.#evidence = options.evidence;
    this.#cache = options.cache;
    this.#observer = options.observer;
    this.#stageObserver = new Observer(layout.root, null, null);
    this.#records = records;
    this.#history = options.history;
    this.#store = store;
    this.#seen = options.seen;
    this.#contents = new Contents(options);
    this.#known = new KnownContent(layout.root, this.#books, store, options.observer);
    this.#edits = new RegionEdits({
      layout,
      force: options.force,
      isOurs: (node, path, digest) => this.#known.has(node, path, digest),
      lastText: (node, path) => {
        const last = Object.values(records.record(node)?.outputs ?? {});
        const digest = last.find((output) => output.path === path)?.digest;
        return digest === undefined ? null : store.text(digest);
      },
    });
  }

  async publish({
    node,
    stage,
    record,
  }: Publication): Promise<Result<{ changed: boolean; kept: readonly Replaced[] }, Failure>> {
    const before = this.#records.record(node);
    const outputs: Record<string, OutputRecord> = {};
    const moves: Move[] = [];
    const moved: MovedFile[] = [];
    const syncs: Promise<void>[] = [];
    let written: ComingFile | null = null;
    const documents = new FilledDocuments(this.#layout.root, node, this.#evidence);
    let kept: readonly Replaced[] = [];
    try {
      for (const [role, output] of Object.entries(node.declaration.outputs)) {
        const staged = stage.paths[role] ?? "";
        ownStaged(this.#layout.stage, staged);
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
      if (isOneFile(node, moves)) written = this.#records.writeSoon(whole);
      await Promise.all([...syncs, written?.durable]);
      kept = await this.#keepUnknown(node, Object.values(outputs));
      const edited = this.#edits.heed(node, moves, kept);
      if (!edited.ok) return edited;
      kept = edited.value;
      documents.lookBefore();
      publish(this.#layout, this.#books, moves, whole, written ?? undefined);
      documents.noteAfter();
    } catch (error) {
      written?.discard();
      return err(diskFailure(error, node.id, node.id));
    }
    for (const file of moved) {
      const after = this.#rememberMoved(file);
      if (after !== undefined) this.#evidence.noteMade(join(this.#layout.root, file.path), after);
    }
    for (const [role, output] of Object.entries(node.declaration.outputs)) {
      const known = outputs[role];
      if (known === undefined) continue;
      if (output.kind === "folder") this.#evidence.doubt(join(this.#layout.root, output.path));
      this.#seen.set(output, { state: "present", digest: known.digest, size: known.size });
    }
    await stage.discard();
    this.#contents.offer(node, this.#records.record(node));
    const changed = Object.entries(outputs).some(
      ([role, { digest }]) => before?.outputs[role]?.digest !== digest,
    );
    return ok({ changed, kept });
  }

  async restore(
    node: ActionNode,
    result: ActionRecord,
    left: ReadonlySet<string>,
  ): Promise<Result<readonly Replaced[], Failure>> {
    const staged = openStage(this.#layout, node);
    if (!staged.ok) return staged;
    const moves: Move[] = [];
    const coming: Coming[] = [];
    let written: ComingFile | null = null;
    const restored: [OutputDeclaration, Observation][] = [];
    const moved: MovedFile[] = [];
    try {
      for (const [role, output] of Object.entries(node.declaration.outputs)) {
        const wanted = result.outputs[role]?.digest;
        const found = this.#seen.at(output);
        const there = found.state === "present" && found.digest === wanted;
        if (wanted === undefined || there || left.has(output.path)) continue;
        const place = staged.value.paths[role] ?? "";
        const taken = await this.#contents.take(node, output, wanted, place);
        if (!taken.ok) return taken;
        for (const file of taken.value) moved.push(movedFile(place, output, file));
        moves.push(moveOf(this.#layout.root, place, output));
        coming.push({ path: output.path, digest: wanted });
        const size = result.outputs[role]?.size ?? 0;
        restored.push([output, { state: "present", digest: wanted, size }]);
      }
      if (isOneFile(node, moves)) written = this.#records.writeSoon(result);
      await written?.durable;
      const edited = this.#edits.heed(node, moves, await this.#keepUnknown(node, coming));
      if (!edited.ok) {
        written?.discard();
        return edited;
      }
      publish(this.#layout, this.#books, moves, result, written ?? undefined);
      for (const { to, region } of moves) {
        const file = region === true ? regionOf(to).file : to;
        this.#evidence.doubt(join(this.#layout.root, file));
      }
      for (const file of moved) this.#rememberMoved(file);
      for (const [output, found] of restored) this.#seen.set(output, found);
      return edited;
    } catch (error) {
      written?.discard();
      return err(diskFailure(error, node.id, node.id));
    } finally {
      await staged.value.discard();
    }
  }

  /** What happens to the content of a region that is about to be filled; null where aqm can bring it back. */
  fateOf(node: ActionNode, path: string, digest: Digest): RegionEditFate | null {
    return this.#known.has(node, path, digest) ? null : this.#edits.fate;
  }

  offer(node: ActionNode, record: ActionRecord): void {
    this.#contents.offer(node, record);
  }

  regionEdited(node: ActionNode): Failure | null {
    return this.#edits.found(node);
  }

  #rememberMoved({ path, stat, digest }: MovedFile): fs.Stats | undefined {
    const after = fs.statSync(join(this.#layout.root, path), { throwIfNoEntry: false });
    if (after !== undefined) this.#cache.rememberMoved(path, stat, after, digest);
    return after;
  }

  get #books(): Books {
    return { records: this.#records, history: this.#history };
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
      durable.catch(() => undefined); // the awaiting caller gets the error
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
      moved.push(movedFile(staged, output, file));
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

  /** What a person put where these outputs go, kept aside. */
  #keepUnknown(node: ActionNode, coming: readonly Coming[]): Promise<readonly Replaced[]> {
    return keepUnknown(this.#layout, coming, {
      look: (path, kind) => this.#observer.observe({ path, kind }),
      lookAtKept: (path, kind) => this.#stageObserver.observe({ path, kind }),
      isKnown: (path, digest) => this.#known.hasAll(node, path, digest),
    });
  }
}

const movedFile = (
  staged: string,
  { kind, path }: OutputDeclaration,
  file: Pick<FolderFile, "path" | "digest">,
): MovedFile => ({
  path: kind === "folder" ? `${path}/${file.path}` : path,
  stat: fs.statSync(kind === "folder" ? join(staged, file.path) : staged),
  digest: file.digest,
});

interface MovedFile {
  readonly path: string;
  readonly stat: fs.Stats;
  readonly digest: Digest;
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
