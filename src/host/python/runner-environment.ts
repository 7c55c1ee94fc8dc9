import { join } from "node:path";
import type { EnvironmentDeclaration } from "../../model/declaration.ts";
import { machineKind } from "../gpu/gpus.ts";
import type { Layout } from "../disk/layout.ts";
import { workerVariables } from "../process/worker-proof.ts";
import { pythonRoot } from "../code/python-root.ts";
import type { PreparedEnvironment } from "./python-environment.ts";

/** What every process needs to find its libraries and its temporary folder. */
const PASSED_ON = /^(PATH|HOME|TMPDIR|LD_LIBRARY_PATH|XDG_\w+|SSL_CERT_FILE)$/;

/** What a runner may see of this machine: declared, so that results do not depend on the shell. */
export function runnerEnvironment(
  layout: Layout,
  prepared: PreparedEnvironment,
  declared: EnvironmentDeclaration,
  gpus: readonly string[],
): Record<string, string> {
  const caches = cacheVariables(prepared, declared, gpus);
  // Packages of an environment that aqm makes are compiled when they are installed.
  const bytecode = prepared.named ? { AQM_BYTECODE: join(prepared.cache, "bytecode") } : {};
  return {
    ...anywhere(layout, prepared, declared, PASSED_ON),
    ...caches,
    ...bytecode,
    // They may lie in the workspace, and hold nothing that a result depends on.
    AQM_CACHES: JSON.stringify([...Object.values(caches), ...Object.values(bytecode)]),
    CUDA_VISIBLE_DEVICES: gpus.join(","),
    ...workerVariables(),
  };
}

/** Places of this machine that another one need not have. */
const ELSEWHERE = /^(PATH|HOME|LD_LIBRARY_PATH|XDG_(?!RUNTIME)\w+|SSL_CERT_FILE)$/;

/** The same for a runner on another machine, whose devices, caches and temporary folder are known there. */
export const environmentElsewhere = (
  layout: Layout,
  prepared: PreparedEnvironment,
  declared: EnvironmentDeclaration,
): Record<string, string> => anywhere(layout, prepared, declared, ELSEWHERE);

function anywhere(
  layout: Layout,
  prepared: PreparedEnvironment,
  { variables, passed = {} }: EnvironmentDeclaration,
  passedOn: RegExp,
): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && (passedOn.test(name) || name in passed)) environment[name] = value;
  }
  // A named interpreter may find its packages through the user's own path.
  const root = pythonRoot(layout);
  const inherited = prepared.named ? process.env["PYTHONPATH"] : undefined;
  return {
    ...environment,
    PYTHONPATH: [...(fitsSearchPath(root) ? [root] : []), ...(inherited ? [inherited] : [])].join(":"),
    PYTHONHASHSEED: "0",
    PYTHONSAFEPATH: "1", // the workspace is not a place to import from
    PYTHONUNBUFFERED: "1",
    PYTHONDONTWRITEBYTECODE: "1",
    LC_ALL: "C.UTF-8",
    ...variables,
    CUDA_DEVICE_ORDER: "PCI_BUS_ID",
    AQM_EVENTS_FD: "3",
  };
}

/** Python splits PYTHONPATH at each colon. */
const fitsSearchPath = (folder: string): boolean => !folder.includes(":");

/** Runs a module of `aqm_runner`: where that does not fit on PYTHONPATH, the program puts it on the search path. */
export function moduleArguments(
  layout: Layout,
  module: string,
  ...given: readonly string[]
): readonly string[] {
  const root = pythonRoot(layout);
  if (fitsSearchPath(root)) return ["-m", module, ...given];
  const [folder, name] = [JSON.stringify(root), JSON.stringify(module)];
  const run = `runpy.run_module(${name}, run_name="__main__", alter_sys=True)`;
  return ["-c", `import runpy, sys; sys.path.insert(0, ${folder}); ${run}`, ...given];
}

/** Runs `aqm_runner` after an op was imported. */
export const aheadArguments = (layout: Layout, op: string): readonly string[] =>
  moduleArguments(layout, "aqm_runner.runner.ahead", op);

/** Where an environment keeps what is made for this kind of machine. */
export const machineFolder = (prepared: PreparedEnvironment, gpus: readonly string[]): string =>
  join(prepared.cache, machineKind(gpus));

/** Folders for what ops compile; one that the user's shell names comes first. */
export function cacheVariables(
  prepared: PreparedEnvironment,
  { caches = {} }: EnvironmentDeclaration,
  gpus: readonly string[],
): Readonly<Record<string, string>> {
  const folder = machineFolder(prepared, gpus);
  return Object.fromEntries(
    Object.entries(caches).map(([name, place]) => [name, process.env[name] || join(folder, place)]),
  );
}
