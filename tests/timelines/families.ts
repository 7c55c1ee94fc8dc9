import { DiskWorld } from "./disk-world.ts";
import { MemoryWorld } from "./memory-world.ts";
import type { Project } from "./project.ts";
import type { Flavour, Timeline } from "./timeline.ts";
import type { World } from "./world.ts";

/** Timelines of one kind: what may happen in them, and where they are played. */
export interface Family {
  readonly name: string;
  readonly flavour: Flavour;
  readonly world: (project: Project, timeline: Timeline) => World;
  /** How many `npm test` plays, and how many a soak. */
  readonly runs: number;
  readonly soak: number;
}

const memory = (project: Project, timeline: Timeline): World => new MemoryWorld(project, timeline);

const onDisk = (project: Project, timeline: Timeline): World => new DiskWorld(project, timeline);

const EDITS = {
  edit: 3,
  rename: 1,
  param: 2,
  op: 1,
  "spoil output": 1,
  "delete output": 1,
  forget: 1,
  "dry-run": 1,
} as const;

/** A file system as people have it. */
const FILE_SYSTEM = { "link folder": 4, "hard link": 3, mode: 2, swap: 2, rename: 2 } as const;

export const IN_MEMORY: readonly Family[] = [
  {
    name: "edits, in memory",
    flavour: { actions: 7, steps: 14, weights: EDITS, optional: true, records: true },
    world: memory,
    runs: 40,
    soak: 1800,
  },
  {
    name: "ops that write something else each time, in memory",
    flavour: { actions: 7, steps: 14, weights: EDITS, nonce: true },
    world: memory,
    runs: 30,
    soak: 1500,
  },
  {
    name: "failures, cancels and inputs that change meanwhile, in memory",
    flavour: {
      actions: 6,
      steps: 14,
      weights: { ...EDITS, remove: 1, break: 2, record: 1, "damage blob": 1 },
      nonce: true,
      disturbed: true,
      optional: true,
      records: true,
    },
    world: memory,
    runs: 40,
    soak: 1800,
  },
  {
    name: "links, second names and renames, in memory",
    flavour: { actions: 5, steps: 14, weights: { ...EDITS, ...FILE_SYSTEM }, optional: true },
    world: memory,
    runs: 20,
    soak: 1500,
  },
  {
    name: "clones and branches, in memory",
    flavour: {
      actions: 6,
      steps: 14,
      weights: { ...EDITS, clone: 2, commit: 2, checkout: 2 },
      optional: true,
      records: true,
    },
    world: memory,
    runs: 30,
    soak: 1500,
  },
];

/** Everything that a disk can do and maps cannot. */
const ON_DISK_TOO = { touch: 2, wait: 3, copy: 1, move: 1 } as const;

export const ON_DISK: readonly Family[] = [
  {
    name: "quick edits, on a disk",
    flavour: {
      actions: 2,
      steps: 10,
      weights: { edit: 8, rename: 1, remove: 1, touch: 1, wait: 1 },
      narrow: true,
    },
    world: onDisk,
    runs: 50,
    soak: 2000,
  },
  {
    name: "edits and times, on a disk",
    flavour: {
      actions: 2,
      steps: 12,
      weights: { edit: 4, rename: 1, touch: 1, wait: 5, "spoil output": 1, "dry-run": 1 },
    },
    world: onDisk,
    runs: 20,
    soak: 2200,
  },
  {
    name: "everything else, on a disk",
    flavour: {
      actions: 5,
      steps: 14,
      weights: {
        ...EDITS,
        ...ON_DISK_TOO,
        remove: 1,
        "delete folder": 1,
        clone: 1,
        commit: 1,
        checkout: 1,
        record: 1,
        "damage blob": 1,
      },
      nonce: true,
      optional: true,
      records: true,
    },
    world: onDisk,
    runs: 40,
    soak: 1800,
  },
  {
    name: "links, second names, modes and renames, on a disk",
    flavour: {
      actions: 4,
      steps: 14,
      weights: {
        ...EDITS,
        ...ON_DISK_TOO,
        ...FILE_SYSTEM,
        "delete folder": 1,
        commit: 1,
        checkout: 1,
      },
      optional: true,
      disturbed: true,
    },
    world: onDisk,
    runs: 40,
    soak: 2500,
  },
  {
    name: "documents with regions, on a disk",
    flavour: {
      actions: 3,
      steps: 12,
      weights: {
        ...ON_DISK_TOO,
        document: 8,
        edit: 2,
        param: 1,
        break: 1,
        "spoil output": 1,
        "delete folder": 1,
        forget: 1,
        clone: 1,
        commit: 1,
        checkout: 1,
        record: 1,
        "damage blob": 1,
        "dry-run": 1,
      },
      regions: true,
      nonce: true,
      disturbed: true,
      optional: true,
      records: true,
    },
    world: onDisk,
    runs: 20,
    soak: 1500,
  },
  {
    name: "failures, cancels and inputs that change meanwhile, on a disk",
    flavour: {
      actions: 4,
      steps: 12,
      weights: { ...EDITS, ...ON_DISK_TOO, remove: 1, break: 2 },
      nonce: true,
      disturbed: true,
      optional: true,
      records: true,
    },
    world: onDisk,
    runs: 30,
    soak: 1500,
  },
];
