import * as fs from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { sizeText } from "../model/size.ts";
import type { Layout } from "./disk/layout.ts";
import { PATIENCE } from "./gpu/driver.ts";
import { visibleGpus } from "./gpu/gpus.ts";
import { answerInTime } from "./process/answer.ts";
import { holderOf } from "./process/file-lock.ts";
import { onPath } from "./process/on-path.ts";
import { runToEnd } from "./process/process.ts";
import { cacheFolder } from "./python/cache-folder.ts";
import { findPython, OWN_MODULES } from "./python/python-install.ts";

/** One thing that a build needs, or is better with, and how it is here. */
export interface Finding {
  readonly check: string;
  /** A `note` costs time at most; a `problem` makes builds fail. */
  readonly state: "ok" | "note" | "problem";
  readonly found: string;
  /** The command, or the step, that mends it. */
  readonly mend?: string;
}

/** What the first environment takes, with what pip unpacks on the way. */
const ROOM_FOR_ENVIRONMENT = 10e9;
const LITTLE_ROOM = 1e9;
const OLDEST_NODE = [20, 19] as const;

/** Looks at this machine and at the workspace, and changes nothing. Secrets are looked for, never shown. */
export async function health(layout: Layout): Promise<readonly Finding[]> {
  const gpus = visibleGpus();
  return [
    node(process.versions.node),
    workspace(layout),
    ...(await python()),
    uv(),
    ...(await graphics(gpus)),
    ...caches(gpus.length),
    room("disk of the workspace", layout.root, LITTLE_ROOM),
    writable(layout),
    lock(layout),
    git(),
    credentials(),
  ];
}

export function node(version: string): Finding {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [least, leastMinor] = OLDEST_NODE;
  const suffices = major > least || (major === least && minor >= leastMinor);
  const found = `Node ${version}`;
  return suffices
    ? { check: "Node", state: "ok", found }
    : {
        check: "Node",
        state: "problem",
        found: `${found}, and aqm needs ${least}.${leastMinor} or newer`,
        mend: "nvm install --lts, or nodejs.org",
      };
}

function workspace({ root, aqmfile }: Layout): Finding {
  return fs.existsSync(aqmfile)
    ? { check: "workspace", state: "ok", found: root }
    : {
        check: "workspace",
        state: "note",
        found: "no Aqmfile.ts in this folder or above it",
        mend: "npx aqm init",
      };
}

async function python(): Promise<readonly Finding[]> {
  const found = await findPython({ name: "any" });
  if (!found.ok) {
    const { cause, message } = found.error;
    return [
      {
        check: "Python",
        state: "problem",
        found: `no Python from 3.10 to 3.13: ${cause ?? message}`,
        mend: "apt install python3 python3-venv python3-pip, or name one: AQM_PYTHON=/path/to/python",
      },
    ];
  }
  const { python: path, version } = found.value;
  const probe = await runToEnd(path, ["-c", "import ensurepip, pip, venv"], { env: OWN_MODULES });
  return [
    { check: "Python", state: "ok", found: `${version} at ${path}` },
    probe.code === 0
      ? { check: "pip and venv", state: "ok", found: "both are there" }
      : {
          check: "pip and venv",
          state: onPath("uv") === null ? "problem" : "note",
          found: probe.stderr.trim().split("\n").at(-1) ?? "they do not load",
          mend: "apt install python3-venv python3-pip",
        },
  ];
}

function uv(): Finding {
  const path = onPath("uv");
  return path === null
    ? { check: "uv", state: "ok", found: "not on the path; the first build fetches it" }
    : { check: "uv", state: "ok", found: path };
}

async function graphics(gpus: readonly string[]): Promise<readonly Finding[]> {
  if (gpus.length === 0)
    return [
      {
        check: "GPU",
        state: "note",
        found: "none is shown, so targets that need one are blocked or skipped",
        ...(process.env["CUDA_VISIBLE_DEVICES"] === undefined
          ? {}
          : { mend: "unset CUDA_VISIBLE_DEVICES, if this machine has one" }),
      },
    ];
  const query = ["--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"];
  const driver = onPath("nvidia-smi");
  const unending = new AbortController().signal;
  const asked = driver === null ? null : await answerInTime(driver, query, PATIENCE, unending);
  const cards = asked?.code === 0 ? asked.stdout.trim().split("\n") : [];
  return [
    { check: "GPU", state: "ok", found: `${gpus.length} shown: ${gpus.join(", ")}` },
    cards.length > 0
      ? { check: "driver", state: "ok", found: cards.join("; ") }
      : {
          check: "driver",
          state: "problem",
          found:
            driver === null
              ? "nvidia-smi is not on the path"
              : asked === null
                ? `nvidia-smi gives no answer within ${PATIENCE / 1000} s`
                : `nvidia-smi fails: ${asked.stdout.trim() || asked.stderr.trim()}`,
          mend:
            driver !== null && asked === null
              ? "look at `dmesg`: a GPU may be lost, and the machine may have to be started again"
              : "install the driver of the GPU, or start the container with its GPUs (docker run --gpus all)",
        },
    compiler(),
  ];
}

function compiler(): Finding {
  const home = process.env["CUDA_HOME"] ?? "/usr/local/cuda";
  const path = [join(home, "bin/nvcc"), onPath("nvcc") ?? ""].find((one) => fs.existsSync(one));
  return path === undefined
    ? {
        check: "CUDA compiler",
        state: "note",
        found: "no nvcc, so some kernels run without their compiled form, and slower",
        mend: "install the CUDA toolkit, and set CUDA_HOME to its folder",
      }
    : { check: "CUDA compiler", state: "ok", found: path };
}

/** The cache, the environments in it, and what was compiled for the GPUs. */
function caches(gpus: number): readonly Finding[] {
  const cache = cacheFolder();
  if (!cache.ok) {
    const { message, nextStep } = cache.error;
    const mend = nextStep === undefined ? {} : { mend: nextStep };
    return [{ check: "cache", state: "problem", found: message, ...mend }];
  }
  const environments = join(cache.value, "environments");
  const names = fs.existsSync(environments) ? fs.readdirSync(environments).sort() : [];
  const made = names.filter((name) =>
    fs.existsSync(join(environments, name, "aqm-environment.json")),
  );
  const prepared = made.filter((name) => prepares(join(environments, name, "cache")));
  const list: Finding[] = [
    { check: "cache", state: "ok", found: cache.value },
    made.length > 0
      ? { check: "environments", state: "ok", found: made.join(", ") }
      : {
          check: "environments",
          state: "note",
          found: "none is made; the first build that needs one makes it, about 5 GB",
          mend: "npx aqm environment",
        },
    room("disk of the cache", cache.value, made.length > 0 ? LITTLE_ROOM : ROOM_FOR_ENVIRONMENT),
  ];
  if (gpus > 0)
    list.push({
      check: "extensions",
      state: prepared.length > 0 ? "ok" : "note",
      found:
        prepared.length > 0
          ? `compiled for ${prepared.join(", ")}`
          : "not compiled; the first GPU action of an environment compiles them, some minutes",
    });
  return list;
}

/** Whether something was prepared below a cache of an environment, for any kind of machine. */
function prepares(cache: string): boolean {
  if (!fs.existsSync(cache)) return false;
  return fs
    .readdirSync(cache, { recursive: true, encoding: "utf8" })
    .some((name) => /(?:^|\/)prepared-[^/]+\.json$/.test(name));
}

/** Free room where a folder is, or will be. */
function room(check: string, folder: string, least: number): Finding {
  let place = folder;
  while (!fs.existsSync(place)) place = join(place, "..");
  const { bavail, bsize } = fs.statfsSync(place);
  const free = bavail * bsize;
  const found = `${sizeText(free)} free at ${place}`;
  return free >= least
    ? { check, state: "ok", found }
    : {
        check,
        state: "problem",
        found: `${found}, less than ${sizeText(least)}`,
        mend: "npx aqm gc --max-size 5GB, or AQM_CACHE=/larger/disk for the cache",
      };
}

function writable({ root, state }: Layout): Finding {
  const place = fs.existsSync(state) ? state : root;
  try {
    fs.accessSync(place, fs.constants.W_OK);
    return { check: "state", state: "ok", found: `${place} can be written` };
  } catch {
    return {
      check: "state",
      state: "problem",
      found: `${place} cannot be written`,
      mend: `chown -R "$USER" '${place}'`,
    };
  }
}

function lock({ state }: Layout): Finding {
  const path = join(state, "build.lock");
  const holder = holderOf(path);
  if (holder === null) return { check: "build lock", state: "ok", found: "free" };
  return holder.isDead
    ? {
        check: "build lock",
        state: "ok",
        found: "left by a process that ended; the next build takes it",
      }
    : { check: "build lock", state: "note", found: holder.text, mend: "wait for that build" };
}

function git(): Finding {
  const path = onPath("git");
  return path === null
    ? {
        check: "Git",
        state: "note",
        found: "not on the path; `aqm gc` and `aqm lock` ask it",
        mend: "apt install git",
      }
    : { check: "Git", state: "ok", found: path };
}

/** Which credentials are there, never what they are. */
function credentials(): Finding {
  const home = process.env["HF_HOME"] ?? join(homeFolder(), ".cache/huggingface");
  const places = [
    ["HF_TOKEN", (process.env["HF_TOKEN"] ?? "") !== ""],
    ["a token of `hf auth login`", fs.existsSync(join(home, "token"))],
  ] as const;
  const there = places.flatMap(([name, isThere]) => (isThere ? [name] : []));
  return there.length > 0
    ? { check: "hub credentials", state: "ok", found: `present: ${there.join(" and ")}` }
    : {
        check: "hub credentials",
        state: "note",
        found: "none, which suffices for models that anybody may fetch",
        mend: "hf auth login, or set HF_TOKEN",
      };
}

function homeFolder(): string {
  try {
    return homedir();
  } catch {
    return "/";
  }
}
