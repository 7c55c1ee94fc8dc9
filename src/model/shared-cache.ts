/** A cache of results that several workspaces share, as an Aqmfile names it: a folder, or an address. */
export interface SharedCacheDeclaration {
  /** Absolute path, for example on a file system that several machines share. */
  readonly folder?: string;
  /** `https://…`, without a user name: a login is never part of a repository. */
  readonly url?: string;
  /** `read` takes results, `write` also gives those that are made here; `read` if not said. */
  readonly mode?: SharedCacheMode;
}

export type SharedCacheMode = "read" | "write";
