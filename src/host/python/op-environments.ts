import { join } from "node:path";
import type { EnvironmentDeclaration } from "../../model/declaration.ts";
import type { Failure } from "../../model/failure.ts";
import { ok, type Result } from "../../model/result.ts";
import type { ExecutionRequest } from "../../ports.ts";
import type { Layout } from "../disk/layout.ts";
import type { ProcessRequest } from "../process/process.ts";
import { Preparations, type PreparationRequest } from "./preparations.ts";
import type { PreparedEnvironment, PythonEnvironments } from "./python-environment.ts";
import { aheadArguments, moduleArguments, runnerEnvironment } from "./runner-environment.ts";

/** An environment that an op names, with an interpreter that has what it asks for. */
export interface FoundEnvironment {
  readonly declared: EnvironmentDeclaration;
  readonly prepared: PreparedEnvironment;
}

/** Finds the environments of ops, readies them for the devices of a job, says how a runner starts there. */
export class OpEnvironments {
  readonly #layout: Layout;
  readonly #declared: ReadonlyMap<string, EnvironmentDeclaration>;
  readonly #pythons: PythonEnvironments;
  readonly #preparations: Preparations;

  constructor(
    layout: Layout,
    declared: readonly EnvironmentDeclaration[],
    pythons: PythonEnvironments,
  ) {
    this.#layout = layout;
    this.#declared = new Map(declared.map((environment) => [environment.name, environment]));
    this.#pythons = pythons;
    this.#preparations = new Preparations(layout);
  }

  /** Makes the environment if it is not there yet. */
  async find(
    name: string,
    { emit, signal }: Pick<ExecutionRequest, "emit" | "signal">,
  ): Promise<Result<FoundEnvironment, Failure>> {
    const declared = this.#declared.get(name);
    if (declared === undefined) throw new Error(`no environment ${name}`);
    const prepared = await this.#pythons.prepare(declared, emit, signal);
    return prepared.ok ? ok({ declared, prepared: prepared.value }) : prepared;
  }

  /** Has done what the environment wants to have done for this kind of machine; needs the devices. */
  ready(request: PreparationRequest): Promise<Result<void, Failure>> {
    return this.#preparations.ensure(request);
  }

  /** The same runner, which imports an op before it is asked for one. */
  aheadIn(start: ProcessRequest, op: string): ProcessRequest {
    return { ...start, args: aheadArguments(this.#layout, op) };
  }

  /** How a runner is started that sees `gpus` and no other devices. */
  runnerIn({ declared, prepared }: FoundEnvironment, gpus: readonly string[]): ProcessRequest {
    return {
      command: prepared.python,
      args: moduleArguments(this.#layout, "aqm_runner"),
      cwd: this.#layout.root,
      env: runnerEnvironment(this.#layout, prepared, declared, gpus),
      log: join(this.#layout.logs, "runners.log"),
    };
  }
}
