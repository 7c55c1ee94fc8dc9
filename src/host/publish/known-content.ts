import { join } from "node:path";
import type { ActionNode } from "../../graph/graph.ts";
import type { Digest } from "../../model/digest.ts";
import { statIfThere } from "../disk/stat.ts";
import type { Observer } from "../observe/observer.ts";
import type { Store } from "../store/store.ts";
import type { Books } from "./publication.ts";

/** Content that can be brought back when it is replaced: a record says that aqm made it, or the store has it. */
export class KnownContent {
  readonly #root: string;
  readonly #books: Books;
  readonly #store: Store;
  readonly #observer: Observer;

  constructor(root: string, books: Books, store: Store, observer: Observer) {
    this.#root = root;
    this.#books = books;
    this.#store = store;
    this.#observer = observer;
  }

  /** Whether what an action finds at a path is such content. */
  has(node: ActionNode, path: string, digest: Digest): boolean {
    const { records, history } = this.#books;
    const outputs = Object.values(records.record(node)?.outputs ?? {});
    const recorded = outputs.some((output) => output.path === path && output.digest === digest);
    if (recorded || history.made(node.id, path, digest) || this.#store.has(digest)) return true;
    // What lies there may be of a target that is not declared any more, and was called so.
    return history.made(path, path, digest) || records.recorded(path, digest);
  }

  /** The same, also for a folder each of whose files is known: several targets may have lain there before. */
  async hasAll(node: ActionNode, path: string, digest: Digest): Promise<boolean> {
    if (this.has(node, path, digest)) return true;
    if (statIfThere(join(this.#root, path))?.isDirectory() !== true) return false;
    try {
      const files = await this.#observer.listFolder({ path, kind: "folder" });
      return files.every((file) => this.has(node, `${path}/${file.path}`, file.digest));
    } catch (error) {
      if (error instanceof TypeError) throw error;
      return false; // a link in it leads nowhere
    }
  }
}
