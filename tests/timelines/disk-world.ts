import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { runBuild } from "../../src/execute/build.ts";
import { memoryOf, type Request as Asked } from "../../src/cli/session/recall.ts";
import { focusOf, remember, type Focused } from "../../src/cli/session/scope.ts";
import type { Graph } from "../../src/graph/graph.ts";
import type { Selection } from "../../src/graph/select.ts";
import { Evidence } from "../../src/host/evidence/evidence.ts";
import { linkedTwins } from "../../src/host/evidence/linked-paths.ts";
import { layoutOf } from "../../src/host/disk/layout.ts";
import { lockRecordText, provenanceAt } from "../../src/host/records/records.ts";
import { DiskWorkspace } from "../../src/host/workspace.ts";
import type { BuildEvent } from "../../src/model/event.ts";
import { ok } from "../../src/model/result.ts";
import { makePlan, type Plan } from "../../src/plan/plan.ts";
import type { Ports } from "../../src/ports.ts";
import { digestOf, filesOf, type Content } from "../engine/support/content.ts";
import type { MemoryWorkspace } from "../engine/support/memory.ts";
import { defined } from "../engine/support/results.ts";
import { NOBODY, canBeNobody } from "../rig/nobody.ts";
import { DiskFiles, loosenBelow } from "./disk-files.ts";
import { glanceAt } from "./disk-glance.ts";
import { AQMFILE, indexOf, type Project } from "./project.ts";
import type { Forgettable, Timeline } from "./timeline.ts";
import { Times } from "./times.ts";
import {
  declaredIn,
  heldByGit,
  ProjectExecutor,
  type Commit,
  type Done,
  type Request,
  type World,
} from "./world.ts";

/** In memory where there is such a folder: a sync costs nothing there. */
const SCRATCH = fs.existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

/** The real workspace on real files, as `aqm build` wires it; every command is a process of its own. */
export class DiskWorld implements World {
  readonly #project: Project;
  readonly #base: string;
  readonly #times: Times;
  readonly #delays: readonly number[];
  #files: DiskFiles;
  #houses = 0;
  #delay = 0;

  constructor(project: Project, { delays, tick }: Timeline) {
    this.#project = project;
    this.#delays = delays;
    this.#base = fs.realpathSync(fs.mkdtempSync(join(SCRATCH, "aqm-timeline-")));
    // Modes mean nothing to root.
    if (canBeNobody) {
      fs.chownSync(this.#base, NOBODY, NOBODY);
      process.seteuid?.(NOBODY);
    }
    this.#times = new Times(this.#base, tick);
    this.#times.install();
    this.#files = this.#newHouse();
  }

  #newHouse(): DiskFiles {
    const root = join(this.#base, `house${this.#houses++}`);
    return new DiskFiles(root, join(this.#base, "elsewhere"), this.#times);
  }

  close(): void {
    this.#times.uninstall();
    if (canBeNobody) process.seteuid?.(0);
    loosenBelow(this.#base);
    fs.rmSync(this.#base, { recursive: true, force: true });
  }

  // --- What users do -----------------------------------------------------------------------------

  write = (...edit: Parameters<World["write"]>): void => this.#files.write(...edit);
  remove = (path: string): void => this.#files.remove(path);
  rename = (from: string, to: string): void => this.#files.rename(from, to);
  touch = (...touch: Parameters<World["touch"]>): void => this.#files.touch(...touch);
  linkAway = (path: string): void => this.#files.linkAway(path);
  linkFolder = (...link: Parameters<World["linkFolder"]>): void => this.#files.linkFolder(...link);
  hardLink = (from: string, to: string): void => this.#files.hardLink(from, to);
  setMode = (path: string, writable: boolean): void => this.#files.setMode(path, writable);
  swap = (a: string, b: string): void => this.#files.swap(a, b);
  wait = (ms: number): void => this.#times.pass(ms);

  forget(what: Forgettable): void {
    const path = {
      history: "/history",
      store: "/store",
      "stat cache": "/stat-cache",
      snapshots: "/fresh",
      "all of .aqm": "",
    }[what];
    this.#files.remove(`.aqm${path}`);
  }

  spoilRecord(id: string, how: "delete" | "damage" | "damage in place"): void {
    const path = `aqm.lock/${id}.json`;
    if (!fs.existsSync(this.#files.at(path))) return;
    if (how === "delete") this.#files.remove(path);
    else {
      const text = fs.readFileSync(this.#files.at(path), "utf8").replace(/^./, " ");
      this.#files.write(path, text, how === "damage" ? "replace" : "in place", "now");
    }
  }

  damageBlob(content: Content): boolean {
    const [first] = filesOf("", content);
    const hex = digestOf(first?.[1] ?? "").slice("sha256:".length);
    const blob = this.#files.at(`.aqm/store/${hex.slice(0, 2)}/${hex.slice(2)}`);
    if (!fs.existsSync(blob)) return false;
    fs.writeFileSync(blob, "damaged");
    return true;
  }

  checkout({ files, records }: Commit): void {
    const texts = new Map(files);
    for (const [id, record] of records) texts.set(`aqm.lock/${id}.json`, lockRecordText(record));
    const held = [...heldByGit(this.#project, this.glance()).files.keys()];
    for (const path of [...held, ...this.#files.list("aqm.lock")])
      if (!texts.has(path)) this.#files.remove(path);
    for (const [path, text] of texts) {
      const place = this.#files.at(path);
      if (fs.existsSync(place) && fs.readFileSync(place, "utf8") === text) continue;
      this.#files.remove(path);
      this.#files.write(path, text, "replace", "now");
    }
  }

  clone(commit: Commit): void {
    this.#files = this.#newHouse();
    this.checkout(commit);
  }

  moveHouse(how: "copy" | "move"): void {
    const { root } = this.#files;
    this.#files = this.#newHouse();
    fs.rmdirSync(this.#files.root);
    fs.renameSync(root, this.#files.root);
    if (how === "move") return;
    // The copy is where the original was, as if it came from a backup.
    const options = { recursive: true, preserveTimestamps: true, verbatimSymlinks: true };
    fs.cpSync(this.#files.root, root, options);
    this.#files = new DiskFiles(root, join(this.#base, "elsewhere"), this.#times);
  }

  // --- What the engine does, as src/cli/commands/build.ts has it ----------------------------------

  quickAnswer({ targets }: Pick<Request, "targets">): number | null {
    const memory = memoryOf(this.#requestFor(targets));
    return memory?.changed.length === 0 ? memory.snapshot.header.actions : null;
  }

  #requestFor(targets: readonly string[]): Asked {
    const { root } = this.#files;
    return { root, state: this.#files.at(".aqm"), text: JSON.stringify([root, targets]) };
  }

  /** What is left to look at, and the answer's request. */
  #focus({ targets, selection }: Pick<Request, "targets" | "selection">): {
    readonly request: Asked;
    readonly focused: Focused | null;
    readonly selection: Selection;
  } {
    const request = this.#requestFor(targets);
    const focused = focusOf(memoryOf(request), request);
    return { request, focused, selection: focused?.focus.selection ?? selection };
  }

  /** @param whole what is looked at where nothing is narrowed */
  #open(
    whole: Selection | null,
    force = false,
  ): { readonly workspace: DiskWorkspace; readonly evidence: Evidence } {
    const evidence = new Evidence();
    evidence.look(this.#files.at(AQMFILE));
    const text = fs.readFileSync(this.#files.at(AQMFILE), "utf8");
    const { versions } = declaredIn(new Map([[AQMFILE, text]]));
    const graph = whole === null ? null : { ...NO_GRAPH, actions: whole.needed };
    if (graph !== null && linkedTwins(this.#files.root, graph, evidence.ways).length > 0)
      throw new Error("links here lead to no other declared path");
    const workspace = new DiskWorkspace({
      force,
      layout: layoutOf(this.#files.root, this.#files.root),
      evidence,
      opSource: ({ id, declaration }) => {
        const version = versions[indexOf(id)] ?? 1;
        const module = declaration.op.runtime === "python" ? "" : declaration.op.module;
        return { version, code: null, sources: { [module]: digestOf(`${module} ${version}`) } };
      },
      opChanged: () => null,
      opFiles: () => [],
      environment: () => ({ name: "", lock: digestOf(""), variables: {} }),
      unsupported: () => null,
    });
    return { workspace, evidence };
  }

  async dryRun(asked: Pick<Request, "selection" | "targets">): Promise<Plan> {
    const { request, focused, selection } = this.#focus(asked);
    const session = this.#open(focused === null ? selection : null);
    await session.workspace.survey(selection.needed, () => undefined);
    const plan = makePlan(selection, session.workspace);
    await session.workspace.close();
    if (plan.actions.every(({ verdict }) => verdict === "fresh")) {
      const answered = { ...session, selection, aqmfile: NO_ENVIRONMENTS };
      remember({ session: answered, request, focused }, plan);
    }
    return focused === null ? plan : withUntouched(plan, asked.selection);
  }

  async build(request: Request): Promise<Done> {
    const { targets, jobs, keepGoing, during, signal } = request;
    const { request: asked, focused, selection } = this.#focus(request);
    const session = this.#open(focused === null ? selection : null, request.force);
    const { workspace } = session;
    const executor = new ProjectExecutor({
      project: this.#project,
      version: (node) => workspace.opSource(node).version,
      read: (place) =>
        place.kind === "record"
          ? provenanceAt(this.#files.at(place.path))
          : this.#files.contentAt(place),
      write: (stage, role, content) => {
        for (const [path, text] of filesOf(defined(stage.paths[role]), content)) {
          fs.mkdirSync(dirname(path), { recursive: true });
          fs.writeFileSync(path, text);
        }
      },
      during,
      last: async () => {
        const delay = defined(this.#delays[this.#delay++ % this.#delays.length]);
        for (let turn = 0; turn < Math.min(delay, 9); turn += 3) await Promise.resolve();
        this.#times.pass(delay);
      },
    });
    const ports: Ports = {
      clock: { now: () => 0, today: () => "2026-01-01" },
      workspace,
      executor,
      lock: { acquire: () => Promise.resolve(ok(() => Promise.resolve())) },
    };
    const events: BuildEvent[] = [];
    const outcome = await runBuild(
      {
        selection,
        targets,
        jobs,
        gpus: ["0"],
        keepGoing,
        expected: () => null,
        signal,
        untouched: focused?.focus.untouched ?? 0,
      },
      ports,
      (event) => events.push(event),
    );
    if (outcome.plan !== null && outcome.exitCode === 0) {
      const answered = { ...session, selection, aqmfile: NO_ENVIRONMENTS };
      remember({ session: answered, request: asked, focused }, outcome.plan);
    }
    return { outcome, events, executed: executor.executed };
  }

  // --- Looking -----------------------------------------------------------------------------------

  glance = (): MemoryWorkspace => glanceAt(this.#files, this.#project);

  fingerprint(): string {
    const paths = this.#files.list("", [".aqm/stat-cache", ".aqm/fresh"]);
    return paths.map((path) => `${path} ${this.#times.changed(this.#files.at(path))}`).join("\n");
  }

  keptAside = (): readonly string[] => [...this.#files.read(".aqm/replaced").values()];

  litter(): readonly string[] {
    return [".aqm/stage", ".aqm/journal"]
      .flatMap((folder) => this.#files.list(folder))
      .concat(this.#files.list().filter((path) => path.endsWith(".tmp")));
  }
}

const NO_GRAPH: Graph = { actions: [], byOutput: new Map(), defaults: [], skipped: new Map() };
const NO_ENVIRONMENTS = { environments: [], cache: null, slurm: {} };

/** The plan that is shown: what nobody had to look at is fresh. */
function withUntouched(plan: Plan, { needed }: Selection): Plan {
  const looked = new Map(plan.actions.map((planned) => [planned.node.id, planned]));
  const fresh = {
    verdict: "fresh",
    causes: [],
    key: null,
    description: null,
    result: null,
  } as const;
  const actions = needed.map((node) => ({
    ...(looked.get(node.id) ?? { ...fresh, absent: new Set<string>(), missingFrom: [] }),
    node,
  }));
  return { ...plan, actions, byNode: new Map(actions.map((planned) => [planned.node, planned])) };
}
