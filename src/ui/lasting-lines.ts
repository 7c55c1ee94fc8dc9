import type { BuildEvent } from "../model/event.ts";
import { rootCauses, type Held } from "../plan/root-causes.ts";
import { linesOf, WHOLE_NAMES, type Shorten } from "./lines.ts";
import { rootCauseLines } from "./root-cause-lines.ts";
import type { Colours } from "./reporter.ts";

/**
 * The lasting lines of one event stream. What holds a build up is said once: what the plan knows before anything
 * runs, and what came up meanwhile at the end. That files are watched is said once. Each blocked target has a line of its own only where all are wanted.
 */
export class LastingLines {
  readonly #colours: Colours;
  readonly #verbose: boolean;
  readonly #shorten: Shorten;
  readonly #said = new Set<string>();
  #held: Held[] = [];

  #watching = false;

  constructor(colours: Colours, verbose: boolean, shorten = WHOLE_NAMES) {
    this.#colours = colours;
    this.#verbose = verbose;
    this.#shorten = shorten;
  }

  of(event: BuildEvent): readonly string[] {
    const lines = linesOf(event, this.#colours, this.#shorten);
    switch (event.type) {
      case "build_started":
        this.#said.clear();
        this.#held = [];
        return lines;
      case "planned":
        return [...lines, ...this.#say(event.actions.filter(isBlocked))];
      case "action_blocked":
        this.#held.push(event);
        return this.#verbose ? lines : [];
      case "build_finished":
        return [...this.#say(this.#held), ...lines];
      case "waiting": {
        const said = this.#watching;
        this.#watching = true;
        return said ? [] : lines;
      }
      default:
        return lines;
    }
  }

  #say(held: readonly Held[]): readonly string[] {
    const roots = rootCauses(held).filter(({ name }) => !this.#said.has(name));
    for (const { name } of roots) this.#said.add(name);
    return rootCauseLines(roots, this.#colours);
  }
}

const isBlocked = ({ verdict }: { readonly verdict: string }): boolean => verdict === "blocked";
