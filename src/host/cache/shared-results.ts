import type { Digest } from "../../model/digest.ts";
import type { ActionRecord } from "../../model/record.ts";
import type { Lacking } from "../../plan/lacking.ts";
import type { Content, Taken } from "../../ports.ts";
import type { RemoteCache } from "./remote-cache.ts";
import { Uploads } from "./uploads.ts";

/** What a workspace has of itself. */
export interface Here {
  /** Results of the key that are known without the shared cache; their contents may lie there all the same. */
  readonly results: (lacking: Lacking) => readonly ActionRecord[];
  readonly has: (content: Digest) => boolean;
}

/** What one command has learnt from the shared cache, and what it gives back. */
export class SharedResults {
  readonly cache: RemoteCache;
  readonly writes: boolean;
  /** Which cache this is, as text: what was learnt from one says nothing of another. */
  readonly chosen: string;
  readonly uploads = new Uploads();
  readonly #say: Say;
  readonly #asked = new Set<Digest>();
  readonly #results = new Map<Digest, ActionRecord>();
  /** Contents that lie there, as far as is known. */
  readonly #there = new Set<Digest>();

  #stoppedBy: AbortSignal | null = null;

  constructor(cache: RemoteCache, chosen: Pick<SharedResults, "chosen" | "writes">, say: Say) {
    this.cache = cache;
    this.writes = chosen.writes;
    this.chosen = chosen.chosen;
    this.#say = say;
  }

  /** Ends all that is under way when a command is interrupted. */
  stopWith(signal: AbortSignal): void {
    if (this.#stoppedBy === signal) return;
    this.#stoppedBy = signal;
    signal.addEventListener("abort", () => this.close(), { once: true });
  }

  /** Who is told what there is to say of the cache, also of what was said before. */
  tellTo(tell: (message: string) => void): void {
    this.#say.to(tell);
  }

  mayLearn(key: Digest): boolean {
    return !this.#asked.has(key) && this.cache.leftOut === null;
  }

  /** Asks for results, then whether their contents are there: true when there is anything that can be used. */
  async learn(lacking: readonly Lacking[], here: Here): Promise<boolean> {
    const asked = lacking.filter(({ key }) => this.mayLearn(key));
    if (asked.length === 0) return false;
    for (const { key } of asked) this.#asked.add(key);
    const found = await this.cache.results(
      asked.map(({ node, key }) => ({ target: node.id, key })),
    );
    const wanted = new Set<Digest>();
    for (const result of [...found.values(), ...asked.flatMap(here.results)]) {
      for (const { digest } of Object.values(result.outputs))
        if (!this.#there.has(digest) && !here.has(digest)) wanted.add(digest);
    }
    const there = await this.cache.has([...wanted]);
    for (const [key, result] of found) this.#results.set(key, result);
    for (const digest of there) this.#there.add(digest);
    return found.size > 0 || there.size > 0;
  }

  learnt(key: Digest): ActionRecord | null {
    return this.#results.get(key) ?? null;
  }

  has(content: Digest): boolean {
    return this.#there.has(content) && this.cache.leftOut === null;
  }

  async get(content: Digest, kind: Content["kind"], target: string): Promise<Taken> {
    const taken = await this.cache.get(content, kind, target);
    if (taken !== "taken") this.#there.delete(content); // it is not offered again
    return taken;
  }

  /** Sends a result in the background. @param contents null where an output is not there any more */
  offer(result: ActionRecord, contents: () => Promise<readonly Content[] | null>): void {
    if (!this.writes || this.cache.writesNothing !== null) return;
    this.uploads.add(result.target, async () => {
      const found = await contents();
      return found !== null && (await this.cache.put(result, found));
    });
  }

  close(): void {
    this.cache.stop();
  }
}

/** Keeps what is to be said until somebody listens. */
export class Say {
  #tell: ((message: string) => void) | null = null;
  readonly #waiting: string[] = [];

  readonly say = (message: string): void => {
    if (this.#tell === null) this.#waiting.push(message);
    else this.#tell(message);
  };

  to(tell: (message: string) => void): void {
    this.#tell = tell;
    for (const message of this.#waiting.splice(0)) tell(message);
  }
}
