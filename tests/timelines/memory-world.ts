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

  write(path: string, text: string): void {
    place(this.#workspace.files, path, text);
  }

  remove(path: string): void {
    remove(this.#workspace.files, path);
  }

  rename(from: string, to: string): void {
    const { files } = this.#workspace;
    const text = files.get(from);
    if (text === undefined) return;
    files.delete(from);
    files.set(to, text);
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
    for (const path of heldByGit(this.#project, this.glance()).files.keys())
      held.files.delete(path);
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

/** Ops are at the versions that the Aqmfile names. */
export function declareVersions(workspace: MemoryWorkspace): void {
  workspace.versions.clear();
  for (const [index, version] of Object.entries(declaredIn(workspace.files).versions)) {
    workspace.versions.set(`op${index}`, version);
  }
}
