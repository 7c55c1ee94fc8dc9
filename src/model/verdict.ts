import type { Digest } from "./digest.ts";
import type { Json } from "./json.ts";

/** What the plan says of an action; `edited`: a person wrote in a region that the action would fill. */
export type Verdict = "fresh" | "restore" | "run" | "blocked" | "unknown" | "edited";

/** What a build does with an edit: it shows and leaves the edit, or was told to keep it aside and fill the region. */
export type RegionEditFate = "left" | "kept_aside";

/** Why an action is not fresh. Undoing every cause makes it fresh again. */
export type Cause =
  | { readonly kind: "never_built" }
  | {
      /** A field of the action description differs from the record's. */
      readonly kind: "changed";
      readonly field: string;
      readonly old: Json | undefined;
      readonly new: Json | undefined;
      /** The file behind the field, where there is one. */
      readonly path?: string;
    }
  | { readonly kind: "output_missing"; readonly path: string }
  | {
      readonly kind: "output_modified";
      readonly path: string;
      readonly recorded: Digest;
      readonly found: Digest;
    }
  | {
      /** A person wrote in a part of a document that an action fills. */
      readonly kind: "region_edited";
      /** `docs/README.md#runs`. */
      readonly path: string;
      /** What aqm wrote there last; null when no record says. */
      readonly recorded: Digest | null;
      readonly found: Digest;
      readonly fate: RegionEditFate;
    }
  | { readonly kind: "needed_by"; readonly consumer: string }
  | { readonly kind: "waits_for"; readonly producer: string }
  /** The command line says that it runs although it is fresh. */
  | { readonly kind: "rerun_asked" }
  /** Stale, but this build was told not to start it. */
  | { readonly kind: "held" }
  | { readonly kind: "blocked_by"; readonly producer: string }
  | { readonly kind: "input_missing"; readonly path: string; readonly obtain?: string }
  | { readonly kind: "input_unreadable"; readonly path: string; readonly error: string }
  /** It is there, but its content is not what the action is declared for. */
  | {
      readonly kind: "input_unfit";
      readonly path: string;
      readonly problem: string;
      readonly nextStep: string;
    }
  | { readonly kind: "unsupported_here"; readonly why: string; readonly nextStep: string };
