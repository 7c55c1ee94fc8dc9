import * as fs from "node:fs";
import { join, relative } from "node:path";
import type { ActionNode } from "../../graph/graph.ts";
import type { OutputDeclaration } from "../../model/declaration.ts";
import { digestOfFolder, type Digest } from "../../model/digest.ts";
import type { Failure } from "../../model/failure.ts";
import type { ActionRecord, OutputRecord } from "../../model/record.ts";
import { err, ok, type Result } from "../../model/result.ts";
import type { Content } from "../../ports.ts";
import { LocalCache } from "../cache/local-cache.ts";
import type { SharedResults } from "../cache/shared-results.ts";
import { attempt } from "../disk/attempt.ts";
import { disk } from "../disk/disk.ts";
import type { Layout } from "../disk/layout.ts";
import { settleStagedRegion } from "../disk/regions.ts";
import { Observer, type FolderFile } from "../observe/observer.ts";
import { outputProblem } from "../observe/output-check.ts";
import type { History } from "../records/history.ts";
import type { Store } from "../store/store.ts";
import { damagedBlob, notFetched, notStored, notTaken } from "./publish-failures.ts";

/** Outputs up to this size are kept in the store, so that going back to an old config is a copy. */
export const STORE_LIMIT = 64 * 1024 * 1024;

/** Where the contents of results come from, and go to: first the store, then the cache that is shared with others. */
export class Contents {
  readonly #root: string;
  readonly #store: Store;
  readonly #local: LocalCache;
  readonly #shared: SharedResults | null;
  readonly #observer: Observer;
  readonly #stageObserver: Observer;

  constructor(options: {
    readonly layout: Layout;
    readonly store: Store;
    readonly history: History;
    readonly shared: SharedResults | null;
    readonly observer: Observer;
  }) {
    this.#root = options.layout.root;
    this.#store = options.store;
    this.#local = new LocalCache(options.store, options.history);
    this.#shared = options.shared;
    this.#observer = options.observer;
    this.#stageObserver = new Observer(this.#root, null, null);
  }

  /**
   * Brings a content to its stage. Returns the files of what was fetched from elsewhere, which nobody here has
   * looked at yet.
   */
  async take(
    node: ActionNode,
    output: OutputDeclaration,
    wanted: Digest,
    staged: string,
  ): Promise<Result<readonly FolderFile[], Failure>> {
    const kind = kindOf(output);
    const own = await this.#local.get(wanted, kind, staged);
    if (own === "taken") return ok([]);
    if (own === "damaged") return err(damagedBlob(node, output.path));
    if (this.#shared === null) return err(notStored(node, output.path));
    const { cache } = this.#shared;
    const { place } = cache;
    // It was there when the plan was made, which says nothing of now.
    const there = this.#shared.has(wanted);
    if (!there || (await this.#shared.get(wanted, kind, staged)) !== "taken")
      return err(notFetched(node, output.path, { place, away: cache.leftOut !== null }));
    // Its digest says that these are the bytes of the result, and not that they may be put there.
    const problem = outputProblem(node, output, staged)?.cause ?? null;
    const odd = problem ?? (output.kind === "region" ? settleStagedRegion(staged) : null);
    if (odd !== null) return err(notTaken(node, output.path, place, odd));
    return ok(await this.#keep(output, wanted, staged));
  }

  /**
   * What was fetched once is not fetched again if it is small, and not read again at once if it is large. A store
   * that has no room for it is no trouble: the cache has it.
   */
  async #keep(
    output: OutputDeclaration,
    digest: Digest,
    staged: string,
  ): Promise<readonly FolderFile[]> {
    if (output.kind !== "folder") {
      const { size } = fs.statSync(staged);
      if (size <= STORE_LIMIT) attempt(() => this.#store.putFile(staged, digest));
      if (output.kind === "region") return [];
      disk.settle(staged);
      return [{ path: "", digest, size }];
    }
    const names = this.#sizes(staged);
    const total = [...names.values()].reduce((sum, size) => sum + size, 0);
    if (total > STORE_LIMIT) return [];
    const place = { path: relative(this.#root, staged), kind: "folder" } as const;
    const files = await this.#stageObserver.listFolder(place);
    attempt(() => this.#store.putFolder(staged, files, digest));
    return [];
  }

  #sizes(folder: string): ReadonlyMap<string, number> {
    const names = fs.readdirSync(folder, { recursive: true, encoding: "utf8" });
    return new Map(names.map((name) => [name, fs.statSync(join(folder, name)).size]));
  }

  /** Gives a result that was just published to the shared cache, in the background. */
  offer(node: ActionNode, record: ActionRecord | null): void {
    if (record === null) return;
    this.#shared?.offer(record, () => this.#contentsOf(node, record));
  }

  /** The outputs of a result as they lie here; null where one of them is not here as it is recorded. */
  async #contentsOf(node: ActionNode, record: ActionRecord): Promise<readonly Content[] | null> {
    const contents: Content[] = [];
    for (const [role, output] of Object.entries(node.declaration.outputs)) {
      const recorded = record.outputs[role];
      const content = recorded === undefined ? null : await this.#contentOf(output, recorded);
      if (content === null) return null;
      contents.push(content);
    }
    return contents;
  }

  async #contentOf(output: OutputDeclaration, { digest }: OutputRecord): Promise<Content | null> {
    const kind = kindOf(output);
    const stored = this.#store.contentOf(digest, kind);
    if (stored !== null || output.kind === "region") return stored;
    const source = join(this.#root, output.path);
    if (kind === "file") return { digest, kind, files: [{ path: "", digest, source }] };
    try {
      const files = await this.#observer.listFolder({ path: output.path, kind });
      const isSame = digestOfFolder(files.map((file) => [file.path, file.digest])) === digest;
      const placed = files.map((file) => ({ ...file, source: join(source, file.path) }));
      return isSame ? { digest, kind, files: placed } : null;
    } catch (error) {
      if (error instanceof TypeError) throw error;
      return null; // it is gone, or cannot be read
    }
  }
}

const kindOf = ({ kind }: OutputDeclaration): Content["kind"] =>
  kind === "folder" ? "folder" : "file";
