import * as fs from "node:fs";
import { join } from "node:path";
import type { EnvironmentDeclaration } from "../../model/declaration.ts";
import { digestOfBytes } from "../../model/digest.ts";
import type { BuildEvent } from "../../model/event.ts";
import type { Failure } from "../../model/failure.ts";
import { err, ok, type Result } from "../../model/result.ts";
import { disk, readTextIfExists, writeFileAtomic } from "../disk/disk.ts";
import { Evidence } from "../evidence/evidence.ts";
import { describeEnvironment, resolveEnvironmentFile } from "./environment-lock.ts";
import { acquireFileLock } from "../process/file-lock.ts";
import type { Layout } from "../disk/layout.ts";
import { runToEnd } from "../process/process.ts";
import type { NamedInterpreters } from "./named-interpreters.ts";
import { cacheFolder, environmentFailure, madeCacheFolder, sharedFailure } from "./cache-folder.ts";
import { findPython, findUv, install, OWN_MODULES } from "./python-install.ts";

export interface PreparedEnvironment {
  readonly python: string;
  /** True when the user named the interpreter instead of letting aqm make an environment. */
  readonly named: boolean;
  /** Where its ops may keep what they compile. */
  readonly cache: string;
  /** Versions for the record. */
  readonly tools: Readonly<Record<string, string>>;
}

type Emit = (event: BuildEvent) => void;

/**
 * Python environments, made from a hashed lock file the first time they are needed, in a cache that
 * all workspaces of the user share; or an interpreter that the user named, which must have the
 * versions that the environment's requirements ask for.
 */
export class PythonEnvironments {
  readonly #layout: Layout;
  readonly #interpreters: NamedInterpreters;
  readonly #prepared = new Map<string, Promise<Result<PreparedEnvironment, Failure>>>();

  constructor(layout: Layout, interpreters: NamedInterpreters) {
    this.#layout = layout;
    this.#interpreters = interpreters;
  }

  prepare(
    declaration: EnvironmentDeclaration,
    emit: Emit,
    signal: AbortSignal,
  ): Promise<Result<PreparedEnvironment, Failure>> {
    const known = this.#prepared.get(declaration.name);
    if (known !== undefined) return known;
    const named = this.#interpreters(declaration.name);
    const prepared =
      named === undefined
        ? this.#make(declaration, emit, signal)
        : this.#probe(named, declaration, emit);
    this.#prepared.set(declaration.name, prepared);
    return prepared;
  }

  // --- a named interpreter ---------------------------------------------------------------------

  async #probe(
    python: string,
    declaration: EnvironmentDeclaration,
    emit: Emit,
  ): Promise<Result<PreparedEnvironment, Failure>> {
    const wanted = requirements(
      readTextIfExists(resolveEnvironmentFile(this.#layout, declaration.requirements)) ?? "",
    );
    const probe = await runToEnd(python, ["-c", PROBE, ...wanted.keys()], { env: OWN_MODULES });
    const failed = (message: string, nextStep: string): Result<never, Failure> =>
      err({
        reason: "environment_failed",
        message,
        place: { file: python },
        ...(probe.stderr === "" ? {} : { cause: probe.stderr.trim().slice(-500) }),
        nextStep,
      });
    if (probe.code !== 0) {
      return failed(`The named interpreter ${python} does not run`, "Name another one, or none.");
    }
    const found = versionsIn(probe.stdout);
    if (found === undefined) {
      return failed(
        `The named interpreter ${python} does not say what it has: it prints ${JSON.stringify(probe.stdout.slice(0, 200))}`,
        "Let it print nothing when it starts, or name another one, or none.",
      );
    }
    for (const [name, version] of wanted) {
      const has = found[name] ?? null;
      // `2.11.0+cu130` is a build of 2.11.0.
      if (version === null ? has !== null : has?.split("+")[0] === version) continue;
      return failed(
        `The named interpreter ${python} has ${name} ${has ?? "not at all"}, but ${declaration.requirements} asks for ${version ?? "it"}`,
        `Install ${name}${version === null ? "" : `==${version}`} there, or name no interpreter and let aqm make the environment.`,
      );
    }
    emit({
      type: "environment",
      name: declaration.name,
      state: "ready",
      message: python,
      done: 1,
      total: 1,
    });
    const tools = Object.fromEntries(
      Object.entries(found).flatMap(([name, version]) =>
        version === null ? [] : [[name, version]],
      ),
    );
    const kept = cacheFolder();
    if (!kept.ok) return kept;
    const name = `named-${digestOfBytes(python).slice(7, 23)}`;
    const cache = join(kept.value, "environments", name);
    const shared = sharedFailure([cache]);
    return shared === null ? ok({ python, named: true, cache, tools }) : err(shared);
  }

  // --- an environment of our own ---------------------------------------------------------------

  async #make(
    declaration: EnvironmentDeclaration,
    emit: Emit,
    signal: AbortSignal,
  ): Promise<Result<PreparedEnvironment, Failure>> {
    const base = await findPython(declaration);
    if (!base.ok) return base;
    const lockFile = resolveEnvironmentFile(this.#layout, declaration.lock);
    const locked = describeEnvironment(this.#layout, declaration, new Evidence());
    if (!locked.ok) return locked;
    const digest = locked.value.lock;
    const { python, version } = base.value;
    const kept = madeCacheFolder();
    if (!kept.ok) return kept;
    const cache = kept.value;
    const name = `${declaration.name}-${digest.slice(7, 23)}-python${version}`;
    const folder = join(cache, "environments", name);
    const marker = join(folder, "aqm-environment.json");
    const ready: PreparedEnvironment = {
      python: join(folder, "bin/python"),
      named: false,
      cache: join(folder, "cache"),
      tools: {},
    };
    const checked = (): Result<PreparedEnvironment, Failure> => {
      const shared = environmentFailure(folder);
      return shared === null ? ok(ready) : err(shared);
    };
    if (fs.existsSync(marker)) return checked();

    const say = (message: string, done = 0, total: number | null = null): void =>
      emit({
        type: "environment",
        name: declaration.name,
        state: "preparing",
        message,
        done,
        total,
      });
    const lock = await acquireFileLock(
      `${folder}.lock`,
      `the Python environment ${declaration.name}`,
      (owner) => emit({ type: "waiting_for_lock", owner, path: folder }),
      signal,
    );
    if (!lock.ok) return lock;
    try {
      if (fs.existsSync(marker)) return checked(); // made by the process that we waited for
      disk.remove(folder);
      const uv = await findUv(python, cache, say, signal);
      const installed = await install({ uv, python, folder, lockFile, say, signal });
      if (!installed.ok) return installed;
      writeFileAtomic(
        marker,
        JSON.stringify({ lock: digest, python: version, installer: uv === null ? "pip" : "uv" }),
      );
      emit({
        type: "environment",
        name: declaration.name,
        state: "ready",
        message: folder,
        done: 1,
        total: 1,
      });
      return ok(ready);
    } finally {
      await lock.value();
    }
  }
}

const PROBE = `
import json, sys
from importlib import metadata
found = {"python": ".".join(map(str, sys.version_info[:3]))}
for name in sys.argv[1:]:
    try:
        found[name] = metadata.version(name)
    except metadata.PackageNotFoundError:
        found[name] = None
print(json.dumps(found))
`;

/** What the interpreter says that it has; undefined where it prints anything else, as a wrapper may. */
function versionsIn(printed: string): Readonly<Record<string, string | null>> | undefined {
  try {
    return JSON.parse(printed) as Readonly<Record<string, string | null>>;
  } catch {
    return undefined;
  }
}

/** `name==version` lines; a line without a version only asks for the package. */
function requirements(text: string): ReadonlyMap<string, string | null> {
  const wanted = new Map<string, string | null>();
  for (const line of text.split("\n")) {
    const match = /^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?(?:==([^\s;#]+))?/.exec(line.trim());
    if (match?.[1] !== undefined) wanted.set(match[1], match[2] ?? null);
  }
  return wanted;
}
