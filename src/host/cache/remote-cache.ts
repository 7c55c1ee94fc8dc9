import { hexOf, type Digest } from "../../model/digest.ts";
import type { ActionRecord } from "../../model/record.ts";
import type { Content, ResultCache, Taken } from "../../ports.ts";
import type { Piece } from "./action-result.ts";
import { statIfThere } from "../disk/stat.ts";
import { decodeEntry, encodeEntry, LARGEST_ENTRY, type Entry, type FolderList } from "./entry.ts";
import { fetchContent, type Wanted } from "./fetching.ts";
import { Breaker, PATIENCE, type Patience } from "./patience.ts";
import { piecesOf } from "./pieces.ts";
import { Trouble, type Server, type Shelf } from "./server.ts";
import { Slots } from "./slots.ts";

export interface RemoteOptions {
  /** Absolute path of the folder for what has come in part. */
  readonly arriving: string;
  /** Whether what is damaged may be taken out of the way of others. */
  readonly writes: boolean;
  readonly patience?: Patience;
  /** Told of what a person should know. */
  readonly tell: (message: string) => void;
}

/** Requests at the same time; large files that are sent at the same time, a piece of each in memory. */
const REQUESTS = 24;
const LARGE_FILES = 2;
const LARGE = 4 * 1024 * 1024;
/** So many damaged things are said one by one. */
const SAID = 5;

/** A cache elsewhere. All that comes from it is held against digests; what does not fit is refused and said. */
export class RemoteCache implements ResultCache {
  readonly place: string;
  readonly #server: Server;
  readonly #options: RemoteOptions;
  readonly #breaker: Breaker;
  readonly #requests = new Slots(REQUESTS);
  readonly #large = new Slots(LARGE_FILES);
  /** Entries that were read or written, whose contents can be found by their digests alone. */
  readonly #files = new Map<Digest, readonly Piece[]>();
  readonly #folders = new Map<Digest, FolderList>();
  /** Names of what is damaged there: it is not asked for again, and is written again where that is allowed. */
  readonly #refused = new Set<string>();
  #writesNothing: string | null = null;

  constructor(server: Server, options: RemoteOptions) {
    this.#server = server;
    this.#options = options;
    this.place = server.place;
    this.#breaker = new Breaker(options.patience ?? PATIENCE, (why) =>
      options.tell(`the shared cache ${this.place} is left out from now on: ${why}`),
    );
  }

  /** Why it is not asked any more; null while it is. */
  get leftOut(): string | null {
    return this.#breaker.why;
  }

  /** Why nothing more is put there; null while something may be. */
  get writesNothing(): string | null {
    return this.#writesNothing ?? this.#breaker.why;
  }

  async results(
    asked: readonly { readonly key: Digest }[],
  ): Promise<ReadonlyMap<Digest, ActionRecord>> {
    const found = new Map<Digest, ActionRecord>();
    await this.#breaker.question(asked.length, () =>
      all(asked, async ({ key }) => {
        const entry = await this.#entry(key);
        if (entry === null) return;
        this.#remember(entry);
        found.set(key, entry.record);
      }),
    );
    return found;
  }

  async has(contents: readonly Digest[]): Promise<ReadonlySet<Digest>> {
    const there = new Set<Digest>();
    const sizes = new Map<Digest, Promise<number | null>>();
    const sizeOf = (piece: Digest): Promise<number | null> => {
      const known = sizes.get(piece) ?? this.#size(piece);
      sizes.set(piece, known);
      return known;
    };
    await this.#breaker.question(contents.length, () =>
      all(contents, async (content) => {
        if (this.#refused.has(nameOf("cas", content))) return;
        const pieces = this.#piecesOf(content);
        const found = await Promise.all(pieces.map(({ digest }) => sizeOf(digest)));
        const whole = found.every((size, at) => size !== null && fits(size, pieces[at]?.size));
        if (whole) there.add(content);
      }),
    );
    return there;
  }

  async get(content: Digest, kind: Content["kind"], target: string): Promise<Taken> {
    if (this.#refused.has(nameOf("cas", content))) return "absent";
    return fetchContent(
      {
        files: kind === "folder" ? this.#folders.get(content) : [["", content]],
        pieces: (file) => this.#pieces(file),
        arriving: this.#options.arriving,
        read: (piece, most, take) => this.#read("cas", piece, most, take),
        refuse: (piece, why) => this.#refuse("cas", piece, why),
      },
      target,
    );
  }

  async put(record: ActionRecord, contents: readonly Content[]): Promise<boolean> {
    const files = new Map<Digest, readonly Piece[]>();
    const folders = new Map<Digest, readonly (readonly [string, Digest])[]>();
    try {
      for (const { digest, kind, files: members } of contents) {
        for (const file of members) {
          if (files.has(file.digest)) continue;
          const cut = (): Promise<readonly Piece[] | null> =>
            piecesOf(file, (bytes, piece) => this.#send(bytes, piece));
          const isLarge = (statIfThere(file.source)?.size ?? 0) > LARGE;
          const pieces = await (isLarge ? this.#large.run(cut) : cut());
          if (pieces === null) return false; // it has changed since
          files.set(file.digest, pieces);
        }
        if (kind === "folder")
          folders.set(
            digest,
            members.map((file) => [file.path, file.digest]),
          );
      }
      const entry = { record, files, folders };
      const bytes = encodeEntry(entry);
      if (bytes.length > LARGEST_ENTRY) throw new Trouble("full", "its list of files is too long");
      await this.#write("ac", record.key, bytes);
      this.#remember(entry);
      return true;
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      if (error.kind === "refused") this.#stopWriting(error.message);
      return false;
    }
  }

  /** Whether it answers at all: null, or why it does not. */
  async probe(): Promise<string | null> {
    try {
      await this.#breaker.ask(0, (signal) => this.#server.size("ac", "0".repeat(64), signal));
      return null;
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      return error.message;
    }
  }

  /** It is not asked in this run. */
  leaveOut(why: string): void {
    this.#breaker.leave(why);
  }

  /** Ends all that is under way. */
  stop(): void {
    this.#breaker.stop();
    this.#server.close();
  }

  async #entry(key: Digest): Promise<Entry | null> {
    const parts: Buffer[] = [];
    const take = (part: Uint8Array): void => void parts.push(Buffer.from(part));
    const state = await this.#read("ac", key, LARGEST_ENTRY, take);
    if (state !== "read") return null;
    const entry = decodeEntry(Buffer.concat(parts), key);
    if (entry.ok) return entry.value;
    this.#refuse("ac", key, entry.error);
    return null;
  }

  #remember({ files, folders }: Entry): void {
    for (const [digest, pieces] of files) this.#files.set(digest, pieces);
    for (const [digest, list] of folders) this.#folders.set(digest, list);
  }

  /** All pieces of a content; of one that no entry names, the one that it would be as a file. */
  #piecesOf(content: Digest): readonly Wanted[] {
    const list = this.#folders.get(content)?.map(([, file]) => file) ?? [content];
    return list.flatMap((file): readonly Wanted[] => this.#pieces(file));
  }

  #pieces(file: Digest): readonly Wanted[] {
    return this.#files.get(file) ?? [{ digest: file, size: null }];
  }

  async #size(piece: Digest): Promise<number | null> {
    if (this.#refused.has(nameOf("cas", piece))) return null;
    const size = await this.#ask(0, (signal) => this.#server.size("cas", hexOf(piece), signal));
    return size ?? null;
  }

  /** `unread`: there is no telling, or nothing there. */
  async #read(
    shelf: Shelf,
    digest: Digest,
    most: number,
    take: (part: Uint8Array) => void,
  ): Promise<"read" | "unread" | "refused"> {
    if (this.#refused.has(nameOf(shelf, digest))) return "unread";
    const found = await this.#ask(
      most,
      (signal, alive) => {
        alive();
        const heard = (part: Uint8Array): void => {
          alive();
          take(part);
        };
        return this.#server.read(shelf, hexOf(digest), most, heard, signal);
      },
      (why) => this.#refuse(shelf, digest, why),
    );
    if (found === true) return "read";
    return this.#refused.has(nameOf(shelf, digest)) ? "refused" : "unread";
  }

  /** Null where no answer came; `unusable` is told what is there and cannot be what was asked for. */
  async #ask<T>(
    bytes: number,
    task: (signal: AbortSignal, alive: () => void) => Promise<T>,
    unusable: (why: string) => void = () => undefined,
  ): Promise<T | null> {
    try {
      return await this.#requests.run(() => this.#breaker.ask(bytes, task));
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      if (error.kind === "unusable") unusable(error.message);
      if (error.kind === "refused") this.#breaker.leave(error.message);
      return null;
    }
  }

  async #send(bytes: Uint8Array, piece: Digest): Promise<void> {
    const again = this.#refused.has(nameOf("cas", piece));
    const size = again
      ? null
      : await this.#requests.run(() =>
          this.#breaker.ask(0, (signal) => this.#server.size("cas", hexOf(piece), signal)),
        );
    if (size !== bytes.length) await this.#write("cas", piece, bytes);
  }

  async #write(shelf: Shelf, digest: Digest, bytes: Uint8Array): Promise<void> {
    await this.#requests.run(() =>
      this.#breaker.ask(bytes.length, (signal) =>
        this.#server.write(shelf, hexOf(digest), bytes, signal),
      ),
    );
    this.#refused.delete(nameOf(shelf, digest));
  }

  #refuse(shelf: Shelf, digest: Digest, why: string): void {
    const name = nameOf(shelf, digest);
    if (this.#refused.has(name)) return;
    this.#refused.add(name);
    const count = this.#refused.size;
    if (count <= SAID)
      this.#options.tell(
        `the shared cache ${this.place} has a damaged ${name}, which is not used: ${why}`,
      );
    if (count === SAID + 1)
      this.#options.tell(
        `the shared cache ${this.place} has more that is damaged, which is not used either`,
      );
    if (this.#options.writes) this.#server.setAside(shelf, hexOf(digest));
  }

  #stopWriting(why: string): void {
    if (this.#writesNothing !== null) return;
    this.#writesNothing = why;
    this.#options.tell(`the shared cache ${this.place} gets nothing from this build: ${why}`);
  }
}

const nameOf = (shelf: Shelf, digest: Digest): string => `${shelf}/${hexOf(digest)}`;

/** A server need not say how long something is. */
const fits = (found: number, wanted: number | null | undefined): boolean =>
  wanted === null || wanted === undefined || found === wanted;

async function all<T>(items: readonly T[], each: (item: T) => Promise<void>): Promise<void> {
  await Promise.all(items.map(each));
}
