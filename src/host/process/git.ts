import * as fs from "node:fs";
import { dirname, join } from "node:path";
import type { Failure } from "../../model/failure.ts";
import { err, ok, type Result } from "../../model/result.ts";
import { withoutSecrets } from "../../model/secrets.ts";
import { runToEnd } from "./process.ts";

/** So many records are read at once: their text is in memory meanwhile. */
const CHUNK = 2_000;
/** The lock records, relative to the folder that Git is run in: the workspace's root. */
const RECORDS = "./aqm.lock";

/** One side of a file that a merge could not settle. */
export interface UnmergedFile {
  /** Relative to the workspace. */
  readonly path: string;
  /** Null for a side that deleted the file. */
  readonly ours: string | null;
  readonly theirs: string | null;
}

/** The Git repository that a workspace lies in; only ever read. */
export class Git {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Null outside of a repository: that alone is no failure. */
  static of(folder: string): Git | null {
    for (let place = folder; ; place = dirname(place)) {
      if (fs.existsSync(join(place, ".git"))) return new Git(folder);
      if (place === dirname(place)) return null;
    }
  }

  /**
   * Hands over the text of every lock record at the tip of every ref (branches, tags, remote-tracking
   * branches, the stash) and of HEAD. A text is seen once, however many refs have it; several may come
   * together, with Git's own lines between them.
   *
   * @returns the number of refs
   */
  async recordsOfAllRefs(see: (text: string) => void): Promise<Result<number, Failure>> {
    const listed = await this.#run(["for-each-ref", "--format=%(objectname)"]);
    if (!listed.ok) return listed;
    const refs = lines(listed.value);
    const tips = [...new Set(["HEAD", ...refs])];
    const asked = tips.map((tip) => `${tip}:${RECORDS}\n`).join("");
    // What has no lock records (a tag of a file, a branch without aqm) is "missing".
    const trees = await this.#run(["cat-file", "--batch-check"], asked);
    if (!trees.ok) return trees;
    const roots = new Set(
      lines(trees.value).flatMap((line) => /^([0-9a-f]+) tree \d+$/.exec(line)?.[1] ?? []),
    );
    if (roots.size === 0) return ok(refs.length);
    const input = [...roots].map((root) => `${root}\n`).join("");
    const objects = await this.#run(["rev-list", "--objects", "--stdin"], input);
    if (!objects.ok) return objects;
    const names = lines(objects.value).map((line) => line.split(" ")[0] ?? "");
    for (let start = 0; start < names.length; start += CHUNK) {
      const chunk = names.slice(start, start + CHUNK).map((name) => `${name}\n`);
      const texts = await this.#run(["cat-file", "--batch"], chunk.join(""));
      if (!texts.ok) return texts;
      see(texts.value);
    }
    return ok(refs.length);
  }

  /** Lock records that a merge left for somebody to settle. */
  async unmergedRecords(): Promise<Result<readonly UnmergedFile[], Failure>> {
    const listed = await this.#run(["ls-files", "--unmerged", "-z", "--", RECORDS]);
    if (!listed.ok) return listed;
    const files = new Map<string, { path: string; ours: string | null; theirs: string | null }>();
    for (const entry of listed.value.split("\0")) {
      const [, object, stage, path] = /^\d+ ([0-9a-f]+) ([123])\t(.+)$/s.exec(entry) ?? [];
      if (object === undefined || path === undefined) continue;
      const file = files.get(path) ?? { path, ours: null, theirs: null };
      files.set(path, file);
      if (stage === "1") continue;
      const text = await this.#run(["cat-file", "blob", object]);
      if (!text.ok) return text;
      file[stage === "2" ? "ours" : "theirs"] = text.value;
    }
    return ok([...files.values()]);
  }

  /**
   * A file as it is in a commit, or the names in a folder.
   *
   * @param path relative to the workspace
   * @returns null when there is no such thing in that commit
   */
  async at(
    ref: string,
    path: string,
  ): Promise<
    Result<{ readonly text: string } | { readonly names: readonly string[] } | null, Failure>
  > {
    const commit = await this.#run(["rev-parse", "--verify", "--quiet", `${ref}^{commit}`]);
    if (!commit.ok) return err(noCommit(ref));
    const object = `${commit.value.trim()}:./${path === "." ? "" : path}`;
    const kind = await this.#run(["cat-file", "-t", object]);
    if (!kind.ok) return LACKS.test(kind.error.cause ?? "") ? kind : ok(null);
    if (kind.value.trim() === "tree") {
      const listed = await this.#run(["ls-tree", "--name-only", "-z", object]);
      return listed.ok
        ? ok({ names: listed.value.split("\0").filter((name) => name !== "") })
        : listed;
    }
    const text = await this.#run(["cat-file", "blob", object]);
    return text.ok ? ok({ text: text.value }) : text;
  }

  async #run(args: readonly string[], input?: string): Promise<Result<string, Failure>> {
    const { code, stdout, stderr } = await runToEnd("git", [...ONLY_READ, ...args], {
      cwd: this.#folder,
      onlyEnv: {
        ...withoutRepository(process.env),
        LC_ALL: "C",
        GIT_OPTIONAL_LOCKS: "0",
        ...NO_TRANSPORT,
      },
      ...(input === undefined ? {} : { input }),
    });
    // Some commands call such an object missing and end well.
    if (code === 0 && !LACKS.test(stderr)) return ok(stdout);
    return err({
      reason: "git_failed",
      message: `git ${args[0] ?? ""} failed in ${this.#folder}`,
      cause: withoutSecrets(stderr.trim()),
      nextStep: LACKS.test(stderr)
        ? "This clone is partial, and aqm fetches nothing for Git: run git fetch --refetch, or git show of what is missing."
        : "Mend what Git complains about, then run the same command again.",
    });
  }
}

/** Settings of the user and of the machine, such as `safe.directory`. */
const SETTINGS = /^GIT_(?:CONFIG_(?:GLOBAL|SYSTEM|NOSYSTEM|COUNT|KEY_\d+|VALUE_\d+)|EXEC_PATH)$/;

/**
 * Git gives its hooks variables that name a repository, its index, its objects or its folder (GIT_DIR,
 * GIT_INDEX_FILE, …). The workspace's own repository is meant, wherever aqm is started.
 */
function withoutRepository(variables: NodeJS.ProcessEnv): Record<string, string> {
  const kept = Object.entries(variables).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && (!entry[0].startsWith("GIT_") || SETTINGS.test(entry[0])),
  );
  return Object.fromEntries(kept);
}

/**
 * A repository's own configuration may name programs: who only reads starts none of them. Alias, text conversion
 * and filters play no part in the commands used here.
 */
const ONLY_READ = [
  ["core.fsmonitor", "false"],
  ["core.hooksPath", "/dev/null"],
  ["core.pager", "cat"],
  ["protocol.allow", "never"],
].flatMap(([name = "", value = ""]) => ["-c", `${name}=${value}`]);

/**
 * What a partial clone lacks is not fetched, since its configuration names the program that would do so. Git
 * fails then. It must not go on as if the object had never been there, or `gc` would take its blobs for needless.
 */
const NO_TRANSPORT = {
  GIT_ALLOW_PROTOCOL: "none",
  GIT_NO_LAZY_FETCH: "0",
  GIT_TERMINAL_PROMPT: "0",
  GIT_PAGER: "cat",
};

/** How Git says that an object would have to be fetched. */
const LACKS = /promisor remote|transport '[^']*' not allowed/;

const noCommit = (ref: string): Failure => ({
  reason: "usage",
  message: `Git knows no commit ${ref}`,
  nextStep:
    "Name a branch, a tag or a commit before the colon; write ./ before a file with a colon in its name.",
});

const lines = (text: string): readonly string[] => text.split("\n").filter((line) => line !== "");
