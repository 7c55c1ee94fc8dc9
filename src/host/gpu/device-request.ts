import type { BuildEvent } from "../../model/event.ts";

export interface DeviceRequest {
  /** Those that the schedule counts for the job: it gets as many, and these where nothing speaks against them. */
  readonly devices: readonly string[];
  /** That the schedule counts for the job as well, and that it can do without. */
  readonly more?: readonly string[];
  readonly target: string;
  /** Device memory that the job needs on each; null where no figure is known. */
  readonly bytes: number | null;
  readonly emit: (event: BuildEvent) => void;
  readonly tell: (told: Told) => void;
  readonly signal: AbortSignal;
}

/** What is to be said of the job: where it is instead, or beside whom. */
export type Told =
  | {
      readonly type: "devices_changed";
      readonly devices: readonly string[];
      readonly message: string;
    }
  | { readonly type: "action_warning"; readonly code: "device_shared"; readonly message: string };
