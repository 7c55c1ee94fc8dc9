import { select, type Selection } from "../../src/graph/select.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { makePlan, type Plan } from "../../src/plan/plan.ts";
import { contentAt } from "../engine/support/content.ts";
import { edited, FIRST_WORDS } from "../engine/support/document.ts";
import type { MemoryWorkspace } from "../engine/support/memory.ts";
import { defined, valueOf } from "../engine/support/results.ts";
import { regionOf } from "../../src/model/region.ts";
import { AQMFILE, DOCUMENT, FILES, FOLDERS, type Project } from "./project.ts";
import type { Build, Edit, Step, Timeline } from "./timeline.ts";
import { declaredIn, heldByGit, type Commit, type Done, type World } from "./world.ts";

/** One build, and everything that a property may want to know of it. */
export interface Built extends Done {
  readonly project: Project;
  readonly world: World;
  readonly graph: Graph;
  readonly selection: Selection;
  /** What was there when it began and when it was over, past every cache. */
  readonly before: MemoryWorkspace;
  readonly after: MemoryWorkspace;
  /** What the plan should be, made from `before`. */
  readonly expected: Plan;
  readonly restored: readonly string[];
  readonly cancelled: boolean;
  /** Somebody changed files while it ran. */
  readonly meddled: boolean;
  /** The document as a person left it, and as it was when next looked at; an edit meanwhile parts two. */
  readonly documents: readonly { readonly left: string | null; readonly found: string | null }[];
  /** Told to fill regions whatever is in them. */
  readonly forced: boolean;
  /** Some blob in the store may be damaged, which no plan looks into. */
  readonly damaged: boolean;
}

export interface Planned {
  readonly expected: Plan;
  readonly plan: Plan;
  /** Whether the workspace is another one after it. */
  readonly changed: boolean;
}

/** What the player tells of a timeline; each returns what is wrong. */
export interface Judges {
  readonly built: (built: Built) => readonly string[];
  readonly again: (built: Built) => readonly string[];
  readonly planned: (planned: Planned) => readonly string[];
  readonly answered: (fresh: number, expected: Plan) => readonly string[];
  readonly cloned: (before: Plan, after: Plan) => readonly string[];
}

export class Player {
  readonly #world: World;
  readonly #project: Project;
  readonly #judges: Judges;
  #commit: Commit | null = null;
  #damaged = false;
  readonly #pauses: readonly number[];
  #pause = 0;
  /** What was ever asked for. */
  readonly #asked = new Map<string, readonly number[]>();
  builds = 0;

  constructor(world: World, project: Project, judges: Judges, { pauses }: Timeline) {
    this.#pauses = pauses;
    this.#world = world;
    this.#project = project;
    this.#judges = judges;
    const there = FILES.filter((path) => !path.includes("new"));
    for (const path of there) this.#write(path, "v0", "replace", "now");
    if (project.regions.length > 0) this.#write(DOCUMENT, FIRST_WORDS, "replace", "now");
    this.#declare("params", 0, 0);
  }

  /** Plays the steps; what is wrong after one of them, or nothing. */
  async play({ steps }: Timeline): Promise<readonly string[]> {
    for (const [index, step] of steps.entries()) {
      const problems = [...(await this.#step(step)), ...this.#askAgain()];
      this.#rest();
      if (problems.length > 0)
        return problems.map((problem) => `after step ${index} (${step.do}): ${problem}`);
    }
    return [];
  }

  #rest(): void {
    this.#world.wait(defined(this.#pauses[this.#pause++ % this.#pauses.length]));
  }

  /** Whatever a snapshot says must be so after every single step. */
  #askAgain(): readonly string[] {
    return [...this.#asked.values()].flatMap((numbers) => {
      const answer = this.#world.quickAnswer({ targets: this.#named(numbers) });
      if (answer === null) return [];
      const glance = this.#world.glance();
      return this.#judges.answered(answer, makePlan(this.#select(glance, numbers)[1], glance));
    });
  }

  async #step(step: Step): Promise<readonly string[]> {
    const world = this.#world;
    const { outputs, shapes, broken } = this.#project;
    switch (step.do) {
      case "param":
      case "op":
        this.#declare(step.do === "op" ? "versions" : "params", step.action, step.value);
        return [];
      case "break": {
        const index = step.action % shapes.length;
        if (step.how === null) broken.delete(index);
        else broken.set(index, step.how);
        return [];
      }
      case "delete folder":
        world.remove(`out${step.folder % 2}`);
        return [];
      case "forget":
        world.forget(step.what);
        return [];
      case "record":
        world.spoilRecord(this.#project.targetOf(step.action % shapes.length), step.how);
        return [];
      case "damage blob": {
        const { path, kind } = defined(outputs[step.output % outputs.length]);
        const content = contentAt(world.glance().files, { path, kind });
        if (content !== null && !(content instanceof Error))
          this.#damaged = world.damageBlob(content) || this.#damaged;
        return [];
      }
      case "wait":
        world.wait(step.ms);
        return [];
      case "commit":
        this.#commit = heldByGit(this.#project, world.glance());
        return [];
      case "checkout":
        if (this.#commit !== null) world.checkout(this.#commit);
        return [];
      case "clone":
        return this.#clone();
      case "copy":
      case "move":
        world.moveHouse(step.do);
        return [];
      case "dry-run":
        return this.#dryRun(step.targets);
      case "build":
        return this.#build(step);
      default:
        this.#edit(step);
        return [];
    }
  }

  #edit(edit: Edit): void {
    const world = this.#world;
    const { outputs } = this.#project;
    const file = (n: number): string => defined(FILES[n % FILES.length]);
    switch (edit.do) {
      case "edit":
        this.#write(
          file(edit.file),
          edit.value === 3 ? "value three" : `v${edit.value}`,
          edit.how,
          edit.times,
        );
        return;
      case "remove":
        world.remove(file(edit.file));
        return;
      case "rename":
        world.rename(file(edit.file), file(edit.to));
        return;
      case "touch": {
        const all = [
          ...FILES,
          ...outputs.filter(({ kind }) => kind === "file").map(({ path }) => path),
          ...this.#project.regions.map(() => DOCUMENT),
        ];
        world.touch(defined(all[edit.path % all.length]), edit.times);
        return;
      }
      case "delete output": {
        const { path, kind } = defined(outputs[edit.output % outputs.length]);
        world.remove(kind === "region" ? DOCUMENT : path);
        return;
      }
      case "link folder": {
        const all = [...FOLDERS, "out0", "out1"];
        const folder = defined(all[edit.folder % all.length]);
        const inside = FILES.filter((path) => path.startsWith(`${folder}/`));
        const path = inside[edit.file % inside.length];
        const text = `v${edit.value}`;
        this.#project.know(text);
        const other = path === undefined ? ("away" as const) : { path, text };
        world.linkFolder(folder, edit.how === "set anew" ? other : edit.how);
        return;
      }
      case "hard link": {
        const made = outputs.filter(({ kind }) => kind === "file");
        const output = made[(edit.file - 100) % made.length]?.path;
        world.hardLink(edit.file < 100 ? file(edit.file) : (output ?? file(0)), file(edit.to));
        return;
      }
      case "mode": {
        // Not the folders around outputs: one that a person closed is not written to, and that is said.
        const all = [...FILES, ...FOLDERS, ...outputs.map(({ path }) => path)];
        world.setMode(defined(all[edit.path % all.length]), edit.writable);
        return;
      }
      case "swap": {
        const all = edit.kind === "files" ? FILES : FOLDERS;
        world.swap(defined(all[edit.a % all.length]), defined(all[edit.b % all.length]));
        return;
      }
      case "document":
        this.#editDocument(edit);
        return;
      case "spoil output":
        this.#spoil(edit);
        return;
    }
  }

  #editDocument({ how, region, value, times }: Extract<Edit, { do: "document" }>): void {
    const { regions } = this.#project;
    if (regions.length === 0) return;
    // As for any output, see below.
    if (times === "kept") this.#world.wait(1000);
    const before = this.#document();
    const after = edited(before, how, defined(regions[region % regions.length]), value);
    if (after === null) this.#world.remove(DOCUMENT);
    else if (after !== before)
      this.#write(DOCUMENT, after, value === 0 ? "in place" : "replace", times);
  }

  #document = (): string | null => this.#world.glance().files.get(DOCUMENT) ?? null;

  #spoil({ output, how, times }: Extract<Edit, { do: "spoil output" }>): void {
    const world = this.#world;
    const { path, kind } = defined(this.#project.outputs[output % this.#project.outputs.length]);
    if (kind === "region") {
      const region = this.#project.regions.indexOf(regionOf(path).id);
      this.#editDocument({ do: "document", how: "inside", region, value: 0, times });
      return;
    }
    const { files } = world.glance();
    // An output that is rewritten in the very tick in which it was published, and gets its old time
    // back, cannot be told from what was published: a known limit.
    if (times === "kept") world.wait(1000);
    if (how === "link") {
      world.linkAway(path);
    } else if (how === "other kind") {
      world.remove(path);
      world.write(kind === "file" ? `${path}/inside` : path, "spoiled", "replace", times);
    } else if (how === "extra file" && kind === "folder") {
      if (!files.has(path)) world.write(`${path}/extra.txt`, "spoiled", "replace", times);
    } else {
      const place = kind === "file" ? path : `${path}/a.txt`;
      const text = files.get(place);
      const spoiled = text === undefined ? "appeared" : text.replace(/^.../, "BAD");
      const other = contentAt(files, { path, kind }) instanceof Error;
      if (!other) world.write(place, spoiled, "in place", times);
    }
  }

  #write(...[path, text, how, times]: Parameters<World["write"]>): void {
    this.#project.know(text);
    this.#world.write(path, text, how, times);
  }

  #declare(what: "params" | "versions", action: number, value: number): void {
    const declared = declaredIn(this.#world.glance().files);
    const index = action % this.#project.shapes.length;
    const edited = { ...declared, [what]: { ...declared[what], [index]: value } };
    const how = value === 1 ? "link" : value === 2 ? "in place" : "replace";
    this.#write(AQMFILE, JSON.stringify(edited), how, "now");
  }

  #named = (targets: readonly number[]): readonly string[] =>
    targets.map((n) => defined(this.#project.outputs[n % this.#project.outputs.length]).path);

  #select(
    glance: MemoryWorkspace,
    targets: readonly number[],
  ): [Graph, Selection, readonly string[]] {
    const graph = this.#project.graph(declaredIn(glance.files));
    const named = this.#named(targets);
    this.#asked.set(named.join(), targets);
    return [graph, valueOf(select(graph, named, () => () => false)), named];
  }

  async #dryRun(numbers: readonly number[]): Promise<readonly string[]> {
    const glance = this.#world.glance();
    const [, selection, targets] = this.#select(glance, numbers);
    glance.edits = "left";
    const expected = makePlan(selection, glance);
    const before = this.#world.fingerprint();
    const plan = await this.#world.dryRun({ selection, targets });
    const changed = this.#world.fingerprint() !== before;
    return this.#judges.planned({ expected, plan, changed });
  }

  async #clone(): Promise<readonly string[]> {
    const glance = this.#world.glance();
    const [, selection] = this.#select(glance, []);
    const before = makePlan(selection, glance);
    const held = heldByGit(this.#project, glance);
    this.#world.clone(held);
    // What is taken only if it is there, and is not held by Git, is not there any more.
    const lost = selection.needed.some(({ inputs }) =>
      inputs.some(
        ({ path, optional }) =>
          optional === true && glance.files.has(path) && !held.files.has(path),
      ),
    );
    if (lost) return [];
    return this.#judges.cloned(before, await this.#world.dryRun({ selection, targets: [] }));
  }

  async #build(step: Build): Promise<readonly string[]> {
    const { targets } = step;
    const problems: string[] = [];
    if (step.dryRunFirst) problems.push(...(await this.#dryRun(targets)));
    const first = await this.#once(step, problems);
    if (first !== null) problems.push(...this.#judges.built(first));
    if (problems.length > 0 || first === null) return problems;
    if (!step.again || first.outcome.exitCode !== 0 || first.meddled) return problems;
    this.#rest();
    const second = await this.#once({ ...step, during: null }, problems);
    if (second !== null) problems.push(...this.#judges.again(second));
    return problems;
  }

  /** Null when a snapshot had the answer. */
  async #once(step: Build, problems: string[]): Promise<Built | null> {
    const world = this.#world;
    const before = world.glance();
    const [graph, selection, targets] = this.#select(before, step.targets);
    const expected = makePlan(selection, before);
    const answer = world.quickAnswer({ targets });
    if (answer !== null) problems.push(...this.#judges.answered(answer, expected));
    if (answer !== null && !step.longWay) return null;
    const stop = new AbortController();
    let meddled = false;
    let left = before.files.get(DOCUMENT) ?? null;
    const documents: { left: string | null; found: string | null }[] = [];
    const during = (nth: number, when: string): void => {
      if (step.during?.nth !== nth || step.during.when !== when) return;
      const { what } = step.during;
      if (what === "cancel") {
        stop.abort();
        return;
      }
      documents.push({ left, found: this.#document() });
      this.#edit(what);
      left = this.#document();
      meddled = true;
    };
    const { jobs, keepGoing, force = false } = step;
    this.builds += 1;
    const done = await world.build({
      targets,
      selection,
      jobs,
      keepGoing,
      force,
      during,
      signal: stop.signal,
    });
    const restored = done.events.flatMap((event) =>
      event.type === "action_settled" && event.verdict === "restored" ? [event.target] : [],
    );
    const after = world.glance();
    documents.push({ left, found: after.files.get(DOCUMENT) ?? null });
    return {
      ...done,
      project: this.#project,
      world,
      graph,
      selection,
      before,
      after,
      expected,
      restored,
      cancelled: stop.signal.aborted,
      meddled,
      documents,
      forced: force,
      damaged: this.#damaged,
    };
  }
}
