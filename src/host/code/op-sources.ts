import * as fs from "node:fs";
import { basename, dirname, join } from "node:path";
import type { ActionNode } from "../../graph/graph.ts";
import type { OpSource } from "../../keys/describe.ts";
import { digestOfBytes, type Digest } from "../../model/digest.ts";
import type { Failure } from "../../model/failure.ts";
import { didYouMean } from "../../model/nearest-name.ts";
import type { PythonOpDeclaration } from "../../model/python-op.ts";
import { err, ok, type Result } from "../../model/result.ts";
import type { BundleModule } from "./bundle.ts";
import { isWhole, readCompiled, writeCompiled, type CompiledFile } from "./compiled-module.ts";
import { asCommonJs, mayReadPaths, surroundingsOf } from "./op-code.ts";
import { readCache, readTextIfExists, writeCache } from "../disk/disk.ts";
import { namesIn } from "../disk/names-in.ts";
import type { Evidence } from "../evidence/evidence.ts";
import type { Layout } from "../disk/layout.ts";
import { pythonRoot } from "./python-root.ts";
import { modulePath, shownPath, shownPythonPath, sourceName } from "./source-name.ts";
import { pythonClosure, type UnclearImport } from "./python-closure.ts";
import { allCurrent, derivationContext, noteLooked, statSignature } from "../evidence/signature.ts";
import { readFileBytes } from "../disk/bounded-read.ts";

interface CachedSource extends OpSource {
  /** Absolute path and stat signature of each file that was looked at, used or not. */
  readonly looked: Readonly<Record<string, string>>;
  /** The compiled module of a TypeScript op. */
  readonly compiled: CompiledFile | null;
}

interface Cache {
  readonly context: string;
  readonly ops: Record<string, CachedSource>;
}

/**
 * Finds the source closure of ops. A TypeScript op's is what the bundler keeps after tree shaking; a
 * Python op's is its declaration and what it imports from the runner package. Cached by the stat signatures of the files.
 */
export class OpSources {
  readonly #layout: Layout;
  readonly #evidence: Evidence;
  readonly #bundler: BundleModule | null;
  readonly #cachePath: string;
  /** Paths in the cache are absolute, and a runner that a workspace brings replaces the one of aqm. */
  readonly #context: string;
  readonly #cache: Record<string, CachedSource>;
  readonly #known = new Map<string, CachedSource>();
  /** Compiled modules that were read: what was right then is what runs. */
  readonly #loaded = new Map<string, string>();
  #dirty = false;

  /** @param bundler of a process that bundles again and again */
  constructor(layout: Layout, evidence: Evidence, bundler: BundleModule | null = null) {
    this.#layout = layout;
    this.#bundler = bundler;
    this.#evidence = evidence;
    this.#cachePath = join(layout.compiled, "ops.json");
    this.#context = JSON.stringify([derivationContext(layout), pythonRoot(layout)]);
    const cache = readCache(this.#cachePath) as Cache | null;
    this.#cache = cache?.context === this.#context ? cache.ops : {};
  }

  /** Resolves the ops of these actions; afterwards `of` answers. */
  async resolve(nodes: Iterable<ActionNode>): Promise<Result<void, Failure>> {
    this.#evidence.look(join(this.#layout.root, "python/aqm_runner"));
    for (const node of nodes) {
      const { op } = node.declaration;
      const name = nameOf(op);
      if (this.#known.has(name)) continue;
      const cached = Object.hasOwn(this.#cache, name) ? this.#cache[name] : undefined;
      if (cached !== undefined && this.#isCurrent(cached)) {
        this.#known.set(name, cached);
        continue;
      }
      const found =
        op.runtime === "python"
          ? pythonSource(this.#layout, op.name, node, this.#evidence)
          : await this.#typescriptSource(op.module, node);
      if (!found.ok) return found;
      this.#known.set(name, found.value);
      this.#cache[name] = found.value;
      this.#dirty = true;
    }
    if (this.#dirty) writeCache(this.#cachePath, { context: this.#context, ops: this.#cache });
    this.#dirty = false;
    return ok(undefined);
  }

  /** A file of the op's closure that is no longer what the key was made from; null if all are. */
  changed(node: ActionNode): string | null {
    const { op } = node.declaration;
    if (op.runtime === "typescript") return null; // what runs is compiled, and checked before it runs
    const { sources } = this.#get(node);
    const root = pythonRoot(this.#layout);
    for (const [path, digest] of Object.entries(sources)) {
      const bytes = fs.existsSync(join(root, path)) ? readFileBytes(join(root, path)) : "";
      if (digestOfBytes(bytes) !== digest) return shownPythonPath(this.#layout, path);
    }
    return null;
  }

  #isCurrent({ looked, compiled }: CachedSource): boolean {
    if (compiled !== null && !isWhole(this.#layout.compiled, compiled)) return false;
    return allCurrent(looked, this.#evidence);
  }

  of(node: ActionNode): OpSource {
    return this.#get(node);
  }

  /**
   * The compiled module of a TypeScript op, as CommonJS. Somebody may have removed or damaged it since the key was
   * made: then it is compiled again, and must come out the same.
   */
  async compiledModule(
    node: ActionNode,
  ): Promise<Result<{ readonly name: string; readonly text: string }, Failure>> {
    const { compiled } = this.#get(node);
    const { op } = node.declaration;
    if (compiled === null || op.runtime === "python") {
      throw new Error(`${node.id} is not made by a TypeScript op`);
    }
    const { name } = compiled;
    let text = this.#loaded.get(name) ?? readCompiled(this.#layout.compiled, compiled);
    if (text === null) {
      const again = await this.#typescriptSource(op.module, node);
      if (!again.ok) return again;
      text = readCompiled(this.#layout.compiled, compiled);
      if (text === null) return err(opMoved(node, this.moduleFile(node)));
    }
    this.#loaded.set(name, text);
    return ok({ name, text });
  }

  /** The file of a TypeScript op as a person would open it. */
  moduleFile({ declaration: { op } }: ActionNode): string {
    if (op.runtime === "python") throw new Error(`${op.name} is a Python op`);
    return shownPath(this.#layout, modulePath(this.#layout, op.module));
  }

  /** Absolute paths of the files that an action's op is made of. */
  filesOf(node: ActionNode): readonly string[] {
    return Object.keys(this.#get(node).looked);
  }

  /** What decides the ops of these actions, as far as that is known without compiling any of them. */
  *groundsOf(nodes: Iterable<ActionNode>): Iterable<string> {
    const told = new Set<string>();
    for (const { declaration } of nodes) {
      const { op } = declaration;
      const name = nameOf(op);
      if (told.has(name)) continue;
      told.add(name);
      const cached = Object.hasOwn(this.#cache, name) ? this.#cache[name] : undefined;
      yield* Object.keys(cached?.looked ?? {});
      if (op.runtime === "typescript") yield modulePath(this.#layout, op.module);
      else
        for (const ending of ["json", "py"])
          yield join(pythonRoot(this.#layout), `aqm_runner/ops/${op.name}.${ending}`);
    }
  }

  /** Every file that some op is made of, for watching. */
  files(): readonly string[] {
    return [...new Set([...this.#known.values()].flatMap(({ looked }) => Object.keys(looked)))];
  }

  /** Forgets what this process knows, so that the next `resolve` looks at the files again. */
  refresh(): void {
    this.#known.clear();
  }

  #get(node: ActionNode): CachedSource {
    const { op } = node.declaration;
    const found = this.#known.get(nameOf(op));
    if (found === undefined) throw new Error(`the op of ${node.id} was not resolved`);
    return found;
  }

  async #typescriptSource(
    module: string,
    node: ActionNode,
  ): Promise<Result<CachedSource, Failure>> {
    const entry = modulePath(this.#layout, module);
    const file = shownPath(this.#layout, entry);
    const text = readTextIfExists(entry);
    if (text === null) return err(opMissing(node, file, namesIn(dirname(entry))));
    const bundleModule = this.#bundler ?? (await import("./bundle.ts")).bundleModule;
    const bundled = await bundleModule(this.#layout, entry);
    if (!bundled.ok) return bundled;
    const { typescriptVersion } = await import("./op-version.ts");
    const version = await typescriptVersion(text);
    if (version === null) return err(versionMissing(node, file));
    const used = bundled.value.inputs
      .filter((input) => input.used)
      .map(({ path, digest }) => ({ name: sourceName(this.#layout, path), path, digest }));
    noteLooked(bundled.value.looked, this.#evidence);
    const undeclared = await surroundingsOf(this.#layout, file, bundled.value);
    if (undeclared !== null) return err({ ...undeclared, target: node.id });
    const { code, looked, codeDigest } = bundled.value;
    const script = await asCommonJs(code, file);
    if (!script.ok) return script;
    const name = `op-${digestOfBytes(script.value).slice(7, 27)}.cjs`;
    const compiled = writeCompiled(this.#layout.compiled, name, script.value);
    const op = {
      version,
      code: codeDigest,
      readsPaths: mayReadPaths(code),
      ...named(this.#layout, used),
    };
    return ok({ ...op, looked, compiled });
  }
}

const nameOf = (op: ActionNode["declaration"]["op"]): string =>
  op.runtime === "python" ? `python:${op.name}` : op.module;

/**
 * Sources by name, in order of names. Two files of one name (modules outside of the workspace, a package in two
 * versions) are told apart by a number, so that a cause can say which one changed.
 */
function named(
  layout: Layout,
  used: readonly { readonly name: string; readonly path: string; readonly digest: Digest }[],
): Pick<OpSource, "sources" | "files"> {
  const sources: Record<string, Digest> = {};
  const files: Record<string, string> = {};
  const inOrder = [...used].sort((a, b) =>
    a.name === b.name ? (a.path < b.path ? -1 : 1) : a.name < b.name ? -1 : 1,
  );
  for (const { name, path, digest } of inOrder) {
    let own = name;
    for (let number = 2; own in sources; number++) own = `${name} (${number})`;
    sources[own] = digest;
    const file = shownPath(layout, path);
    if (file !== own) files[own] = file;
  }
  return { sources, files };
}

function pythonSource(
  layout: Layout,
  name: string,
  node: ActionNode,
  evidence: Evidence,
): Result<CachedSource, Failure> {
  const root = pythonRoot(layout);
  const entry = `aqm_runner/ops/${name}.py`;
  const declaration = `aqm_runner/ops/${name}.json`;
  const looked: Record<string, string> = {};
  const look = (path: string): void => {
    const absolute = join(root, path);
    looked[absolute] = statSignature(absolute, evidence);
  };
  look(declaration);
  const text = readTextIfExists(join(root, declaration));
  // Both were there, and right, when the graph was made.
  if (text === null) return err(opMissing(node, shownPythonPath(layout, declaration)));
  if (!fs.existsSync(join(root, entry)))
    return err(opMissing(node, shownPythonPath(layout, entry)));
  const { version } = JSON.parse(text) as PythonOpDeclaration;
  const closure = pythonClosure(root, entry, look);
  if (!closure.ok) return err({ ...unclearImport(layout, closure.error), target: node.id });
  const used = [declaration, ...closure.value].map((name) => {
    const path = join(root, name);
    return { name, path, digest: digestOfBytes(readFileBytes(path)) };
  });
  return ok({ version, code: null, ...named(layout, used), looked, compiled: null });
}

const unclearImport = (layout: Layout, { path, line, text }: UnclearImport): Failure => ({
  reason: "invalid_declaration",
  message: `aqm cannot tell what this line imports: ${text}`,
  place: { file: shownPythonPath(layout, path), line },
  nextStep:
    "Write a plain import, alone on its line, so that its file is part of the key: `from aqm_runner.x import y`, or `import package`.",
});

const opMoved = (node: ActionNode, file: string): Failure => ({
  reason: "input_changed",
  message: `The op ${file} changed after its key was made, and its compiled copy is gone`,
  target: node.id,
  place: { file },
  nextStep: "Run the same command again once the file is left alone.",
});

const opMissing = (node: ActionNode, file: string, beside: readonly string[] = []): Failure => ({
  reason: "invalid_declaration",
  message: `There is no op at ${file}`,
  target: node.id,
  place: node.declaration.declaredAt ?? { file },
  nextStep:
    `${didYouMean(basename(file), beside) ?? ""} Correct the name in the rule, or write the op.`.trim(),
});

const versionMissing = (node: ActionNode, file: string): Failure => ({
  reason: "invalid_declaration",
  message: `The op at ${file} does not say its version`,
  target: node.id,
  place: { file },
  nextStep: "Add a line of its own: export const version = 1;",
});
