import type { BuildEvent } from "../model/event.ts";
import { failureText } from "./format.ts";
import { debtText } from "./lines.ts";
import { NO_COLOURS } from "./reporter.ts";

/** What a browser is told while outputs are watched and shown. */
export interface PageState {
  /** Grows with every change, so that a browser that was away knows what it missed. */
  readonly revision: number;
  readonly busy: boolean;
  /** Of the last look, in words; what was published before them stays. */
  readonly failures: readonly string[];
  /** Of the last look, and what is due and was not started. */
  readonly notices: readonly string[];
  /** Targets → the revision in which they were last made. */
  readonly made: Readonly<Record<string, number>>;
}

/** Folds the event stream into what the browser is told; says when there is something new. */
export class PageStateFold {
  #state: PageState = { revision: 0, busy: true, failures: [], notices: [], made: {} };
  /** Of the look that is under way: what was wrong before is shown until it is known to be mended. */
  #failures: string[] = [];
  #notices: string[] = [];
  #debt: readonly string[] = [];
  readonly #changed: (state: PageState) => void;

  constructor(changed: (state: PageState) => void) {
    this.#changed = changed;
  }

  get now(): PageState {
    return this.#state;
  }

  readonly report = (event: BuildEvent): void => {
    switch (event.type) {
      case "looking":
        [this.#failures, this.#notices] = [[], []];
        this.#put({ busy: true });
        break;
      case "failure":
      case "action_failed":
        if (event.failure.reason === "cancelled") break;
        this.#failures.push(failureText(event.failure, NO_COLOURS));
        this.#put({ failures: [...this.#failures] });
        break;
      case "notice":
        this.#notices.push(event.message);
        break;
      case "debt":
        this.#debt = event.targets.length === 0 ? [] : [debtText(event), ...event.targets];
        break;
      case "action_settled":
        if (event.verdict === "fresh") break;
        this.#put({
          made: { ...this.#state.made, [event.target]: this.#state.revision + 1 },
        });
        break;
      case "waiting":
        this.#put({
          busy: false,
          failures: this.#failures,
          notices: [...this.#notices, ...this.#debt],
        });
        break;
      default:
        break;
    }
  };

  #put(change: Partial<PageState>): void {
    this.#state = { ...this.#state, ...change, revision: this.#state.revision + 1 };
    this.#changed(this.#state);
  }
}
