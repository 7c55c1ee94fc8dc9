/**
 * A wing is a folder whose rooms (the folders in it) have an order. Rows are low to high: a room imports only
 * from lower rows, and rooms of one row do not know each other. `.` is the wing's own files.
 */
export interface Wing {
  readonly folder: string;
  readonly rows: readonly (readonly string[])[];
}

export const LAYERS: Wing = {
  folder: "src",
  rows: [
    ["model"],
    ["declare", "graph"],
    ["keys"],
    ["plan"],
    ["schedule"],
    ["ports.ts"],
    ["host", "execute", "ui"],
    ["cli"],
  ],
};

export const HOST: Wing = {
  folder: "src/host",
  rows: [
    ["disk"],
    ["evidence", "process"],
    ["code", "gpu", "records"],
    ["aqmfile", "observe", "python/runner", "typescript"],
    ["partial", "python", "snapshot"],
    ["slurm", "store"],
    ["cache"],
    ["publish"],
    ["."],
  ],
};

export const UI: Wing = { folder: "src/ui", rows: [["web"], ["."]] };

export const CLI: Wing = {
  folder: "src/cli",
  rows: [["language", "terminal"], ["session"], ["views"], ["commands"], ["."]],
};

export const ANALYSIS: Wing = {
  folder: "src/analysis",
  rows: [
    ["result", "text"],
    ["formats", "python-json"],
    ["groups", "scores"],
    ["solve"],
    ["manifest"],
    ["bit-plan", "compare", "report"],
    ["plan-export", "page/shared", "quality"],
    ["page/client", "quality-report", "schemes"],
    ["search"],
    ["engine-comparison", "evaluation", "page", "scheme-report"],
    ["quality-page", "scheme-compare", "schemes-overview"],
    ["engine-comparison-page", "schemes-page"],
    ["."],
  ],
};

/** The room of a wing that a path is in, by its longest name; null outside of the wing, or in no known room. */
export function roomOf({ folder, rows }: Wing, path: string): string | null {
  if (!path.startsWith(`${folder}/`)) return null;
  const inside = path.slice(folder.length + 1);
  if (!inside.includes("/") && rows.flat().includes(".")) return ".";
  const around = rows.flat().filter((room) => inside === room || inside.startsWith(`${room}/`));
  return around.sort((a, b) => b.length - a.length)[0] ?? null;
}

export const heightOf = ({ rows }: Wing, room: string): number =>
  rows.findIndex((row) => row.includes(room));
