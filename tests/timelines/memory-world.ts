import { runBuild } from "../../src/execute/build.ts";
import type { BuildEvent } from "../../src/model/event.ts";
import { makePlan, type Plan } from "../../src/plan/plan.ts";
import { contentAt, digestOf, place, remove, type Content } from "../engine/support/content.ts";
import { MemoryWorkspace, memoryPorts } from "../engine/support/memory.ts";
import { defined } from "../engine/support/results.ts";
import type { Project } from "./project.ts";
import type { Forgettable, Timeline } from "./timeline.ts";
import {
  declaredIn,
  heldByGit,
  ProjectExecutor,
  type Commit,
  type Done,
  type Request,
  type World,
} from "./world.ts";

/** The engine's core on maps: no times, no links, no caches, but thousands of timelines a minute. */
export class MemoryWorld implements World {
  #workspace = new MemoryWorkspace();
  readonly #project: Project;
  readonly #delays: readonly number[];
  readonly #tooBig: readonly string[];
  /** Of files that have several names: all of these. */
  readonly #names = new Map<string, Set<string>>();
  #delay = 0;

  constructor(project: Project, { shapes, delays }: Timeline) {
    this.#project = project;
    this.#delays = delays;
    const tooBig = shapes.flatMap(({ outputs }) => outputs.map((output) => output.tooBig));
    this.#tooBig = project.outputs.flatMap(({ path }, n) => (tooBig[n] === true ? [path] : []));
    this.#renew(new MemoryWorkspace());
  }

  #renew(workspace: MemoryWorkspace): void {
    this.#workspace = workspace;
    this.#names.clear();
    for (const path of this.#tooBig) workspace.tooBig.add(path);
  }

  glance(): MemoryWorkspace {
    const { files, records, past, stored } = this.#workspace;
    const twin = new MemoryWorkspace();
    for (const [path, content] of files) twin.files.set(path, content);
    for (const [id, record] of records) twin.records.set(id, record);
    for (const [digest, content] of stored) twin.stored.set(digest, content);
    twin.past.push(...past);
    declareVersions(twin);
    return twin;
  }

  write(path: string, text: string, how: "in place" | "replace" | "link"): void {
    const { files } = this.#workspace;
    const names = this.#names.get(path);
    if (how === "in place" && files.has(path) && names !== undefined)
      for (const name of names) place(files, name, text);
    else {
      this.#forgetName(path);
      place(files, path, text);
    }
  }

  remove(path: string): void {
    const { files } = this.#workspace;
    remove(files, path);
    for (const name of [...this.#names.keys()]) if (!files.has(name)) this.#forgetName(name);
  }

  rename(from: string, to: string): void {
    const { files } = this.#workspace;
    const text = files.get(from);
    if (text === undefined || from === to) return;
    const names = this.#names.get(from);
    if (names?.has(to) === true) return; // two names of one file: nothing happens
    this.#forgetName(from);
    this.#forgetName(to);
    if (names !== undefined) this.#names.set(to, names.add(to));
    files.delete(from);
    files.set(to, text);
  }

  /** Links are nothing here but what is behind them. */
  linkFolder(folder: string, how: Parameters<World["linkFolder"]>[1]): void {
    const inside = [...this.#workspace.files.keys()].filter((path) =>
      path.startsWith(`${folder}/`),
    );
    if (inside.length === 0 || typeof how === "string") return;
    // What is in the copy has one name each.
    for (const path of inside) this.#forgetName(path);
    this.write(how.path, how.text, "replace");
  }

  hardLink(from: string, to: string): void {
    const { files } = this.#workspace;
    const text = files.get(from);
    const names = this.#names.get(from) ?? new Set([from]);
    if (text === undefined || names.has(to)) return;
    this.#forgetName(to);
    place(files, to, text);
    // An output gets a new file when it is made again, which cannot be told from here.
    if (this.#project.outputs.some(({ path }) => path === from)) return;
    names.add(to);
    for (const name of names) this.#names.set(name, names);
  }

  setMode(): void {
    // no modes here
  }

  swap(a: string, b: string): void {
    if (isAround(a, b) || isAround(b, a)) return;
    const { files } = this.#workspace;
    const below = (path: string): readonly string[] =>
      [...files.keys()].filter((file) => isAround(path, file));
    const [first, second] = [below(a), below(b)];
    if (first.length === 0 || second.length === 0) return;
    const aside = "aside";
    const move = (from: string, to: string, all: readonly string[]): void => {
      for (const path of all) this.rename(path, to + path.slice(from.length));
    };
    move(a, aside, first);
    move(b, a, second);
    move(aside, b, below(aside));
  }

  #forgetName(path: string): void {
    this.#names.get(path)?.delete(path);
    this.#names.delete(path);
  }

  touch(): void {
    // no times here
  }

  linkAway(): void {
    // no links here
  }

  forget(what: Forgettable): void {
    const { past, stored } = this.#workspace;
    if (what === "history" || what === "all of .aqm") past.length = 0;
    if (what === "store" || what === "all of .aqm") stored.clear();
  }

  spoilRecord(id: string): void {
    this.#workspace.records.delete(id);
  }

  /** A blob here is never damaged, only lost. */
  damageBlob(content: Content): boolean {
    this.#workspace.stored.delete(digestOf(content));
    return false;
  }

  wait(): void {
    // no clock here
  }

  checkout({ files, records }: Commit): void {
    const held = this.#workspace;
    for (const path of heldByGit(this.#project, this.glance()).files.keys()) {
      if (files.get(path) === held.files.get(path)) continue; // Git leaves it alone
      this.#forgetName(path);
      held.files.delete(path);
    }
    for (const [path, text] of files) held.files.set(path, text);
    held.records.clear();
    for (const [id, record] of records) held.records.set(id, record);
  }

  clone(commit: Commit): void {
    this.#renew(new MemoryWorkspace());
    this.checkout(commit);
  }

  moveHouse(): void {
    // nothing here has a place
  }

  quickAnswer(): null {
    return null;
  }

  dryRun({ selection }: Pick<Request, "selection">): Promise<Plan> {
    declareVersions(this.#workspace);
    return Promise.resolve(makePlan(selection, this.#workspace));
  }

  async build({ targets, selection, jobs, keepGoing, during, signal }: Request): Promise<Done> {
    const workspace = this.#workspace;
    declareVersions(workspace);
    const executor = new ProjectExecutor({
      project: this.#project,
      version: (node) => workspace.opSource(node).version,
      read: (input) => contentAt(workspace.files, input, workspace.records),
      write: (stage, role, content) => workspace.writeStaged(stage, role, content),
      during,
      last: async () => {
        const turns = defined(this.#delays[this.#delay++ % this.#delays.length]);
        for (let turn = 0; turn < Math.min(turns, 12); turn++) await Promise.resolve();
      },
    });
    const events: BuildEvent[] = [];
    const outcome = await runBuild(
      { selection, targets, jobs, gpus: ["0"], keepGoing, expected: () => null, signal },
      memoryPorts(workspace, executor),
      (event) => events.push(event),
    );
    return { outcome, events, executed: executor.executed };
  }

  fingerprint(): string {
    const { files, records, past, stored } = this.#workspace;
    return JSON.stringify([[...files], [...records], past.length, [...stored.keys()]]);
  }

  keptAside(): readonly string[] {
    return [];
  }

  litter(): readonly string[] {
    return [];
  }

  close(): void {
    // nothing to remove
  }
}

const isAround = (folder: string, path: string): boolean =>
  path === folder || path.startsWith(`${folder}/`);

/** Ops are at the versions that the Aqmfile names. */
export function declareVersions(workspace: MemoryWorkspace): void {
  workspace.versions.clear();
  for (const [index, version] of Object.entries(declaredIn(workspace.files).versions)) {
    workspace.versions.set(`op${index}`, version);
  }
}
