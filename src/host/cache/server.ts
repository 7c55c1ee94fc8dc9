/** Results by key are in `ac` (action cache), contents by digest in `cas` (content-addressed store). */
export type Shelf = "ac" | "cas";

/**
 * A place that keeps bytes under names of 64 hex digits. It knows nothing of what they mean, and nothing that it
 * answers is believed: who asks holds bytes against their digest.
 *
 * Each call ends when its signal is aborted. What cannot be answered is a `Trouble`.
 */
export interface Server {
  /** For people: a path, or an address without user name and password. */
  readonly place: string;
  /** Length of what is there; null where nothing is. */
  readonly size: (shelf: Shelf, name: string, signal: AbortSignal) => Promise<number | null>;
  /**
   * Hands over what is there, part by part; false where nothing is. More than `most` bytes, or what is no file,
   * is a `Trouble` of the kind `unusable`.
   */
  readonly read: (
    shelf: Shelf,
    name: string,
    most: number,
    take: (part: Uint8Array) => void,
    signal: AbortSignal,
  ) => Promise<boolean>;
  /** Puts bytes there as a whole or not at all, in the place of what is there. */
  readonly write: (
    shelf: Shelf,
    name: string,
    bytes: Uint8Array,
    signal: AbortSignal,
  ) => Promise<void>;
  /** Takes something damaged out of the way of others; does nothing where that is not possible. */
  readonly setAside: (shelf: Shelf, name: string) => void;
  readonly close: () => void;
}

/**
 * `unavailable`: it does not answer, or not in time. `refused`: it will answer nothing of the kind in this run.
 * `full`: there is no room for these bytes. `unusable`: what is there is not what can be there.
 */
export type TroubleKind = "unavailable" | "refused" | "full" | "unusable";

export class Trouble extends Error {
  readonly kind: TroubleKind;

  constructor(kind: TroubleKind, message: string) {
    super(message);
    this.kind = kind;
  }
}
