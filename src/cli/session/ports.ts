import { join } from "node:path";
import { logOf } from "../../host/disk/layout.ts";
import { Executors, type ExecutorAtHand } from "../../host/executor.ts";
import { acquireFileLock } from "../../host/process/file-lock.ts";
import { SHARE } from "../../host/gpu/standing.ts";
import { clusterOf } from "../../host/slurm/settings.ts";
import { deviceMemoryNeeded } from "../../plan/device-memory.ts";
import type { Ports } from "../../ports.ts";
import type { Session } from "./session.ts";

/* The real ports: only commands that run something load this module. */

/**
 * Opens the real ports for `use`, and closes what they opened when it is over.
 *
 * @param detach jobs of a cluster are submitted and not waited for
 */
export async function withPorts<Outcome>(
  session: Session,
  use: (ports: Ports) => Promise<Outcome>,
  detach = false,
): Promise<Outcome> {
  const ports = realPorts(session, detach);
  try {
    return await use(ports);
  } finally {
    await ports.executor.close();
  }
}

function realPorts(session: Session, detach: boolean): Ports {
  const { layout, aqmfile, workspace, opSources, interpreters, offers, gpus, expected } = session;
  const inProcess: ExecutorAtHand = {
    ...offers.typescript,
    logPath: () => null,
    open: async () => {
      const { TypescriptExecutor } = await import("../../host/typescript/typescript-executor.ts");
      return new TypescriptExecutor(layout, opSources);
    },
  };
  const inRunners: ExecutorAtHand = {
    ...offers.python,
    logPath: ({ id }) => logOf(layout, id),
    open: async () => {
      const [{ PythonExecutor }, { PythonEnvironments }] = await Promise.all([
        import("../../host/python/python-executor.ts"),
        import("../../host/python/python-environment.ts"),
      ]);
      const pythonEnvironments = new PythonEnvironments(layout, interpreters);
      const { environments } = aqmfile;
      return new PythonExecutor({
        ...{ layout, opSources, environments, pythonEnvironments, gpus },
        memoryNeeded: (members) =>
          process.env[SHARE] === "1" ? null : deviceMemoryNeeded(members, expected),
      });
    },
  };
  const onCluster: ExecutorAtHand = {
    ...offers.slurm,
    logPath: ({ id }) => logOf(layout, id),
    open: async () => {
      const [{ SlurmExecutor }, { PythonEnvironments }] = await Promise.all([
        import("../../host/slurm/slurm-executor.ts"),
        import("../../host/python/python-environment.ts"),
      ]);
      const pythonEnvironments = new PythonEnvironments(layout, interpreters);
      const { environments } = aqmfile;
      const cluster = clusterOf(aqmfile.slurm);
      const shared = { layout, opSources, environments, pythonEnvironments };
      return new SlurmExecutor({ ...shared, cluster, expected, detach });
    },
  };
  return {
    clock: {
      now: () => performance.now(),
      today: () => new Date().toISOString().slice(0, "2026-11-21".length),
    },
    workspace,
    executor: new Executors([inProcess, onCluster, inRunners]),
    lock: {
      acquire: (purpose, waiting, signal) =>
        acquireFileLock(join(layout.state, "build.lock"), purpose, waiting, signal),
    },
  };
}
