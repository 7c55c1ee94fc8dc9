import type { Digest } from "../../model/digest.ts";
import type { ActionRecord } from "../../model/record.ts";
import type { Content, ResultCache, Taken } from "../../ports.ts";
import type { History } from "../records/history.ts";
import type { Store } from "../store/store.ts";

/** The history and the store of this workspace as a cache. */
export class LocalCache implements ResultCache {
  readonly place = "the store";
  readonly #store: Store;
  readonly #history: Pick<History, "ofKey" | "add">;

  constructor(store: Store, history: Pick<History, "ofKey" | "add">) {
    this.#store = store;
    this.#history = history;
  }

  results(
    asked: readonly { readonly target: string; readonly key: Digest }[],
  ): Promise<ReadonlyMap<Digest, ActionRecord>> {
    const found = new Map<Digest, ActionRecord>();
    for (const { target, key } of asked) {
      const last = this.#history.ofKey(target, key).at(-1);
      if (last !== undefined) found.set(key, last);
    }
    return Promise.resolve(found);
  }

  has(contents: readonly Digest[]): Promise<ReadonlySet<Digest>> {
    return Promise.resolve(new Set(contents.filter((content) => this.#store.has(content))));
  }

  async get(content: Digest, kind: Content["kind"], target: string): Promise<Taken> {
    if (!this.#store.has(content)) return "absent";
    return (await this.#store.takeOut(content, kind, target)) ? "taken" : "damaged";
  }

  put(result: ActionRecord, contents: readonly Content[]): Promise<boolean> {
    for (const { digest, kind, files } of contents) {
      if (kind === "folder") this.#store.putFiles(files, digest);
      else for (const { source } of files) this.#store.putFile(source, digest);
    }
    this.#history.add(result);
    return Promise.resolve(true);
  }
}
