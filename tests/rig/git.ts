import { spawnSync } from "node:child_process";

export interface GitRun {
  readonly code: number | null;
  readonly text: string;
}

/** Runs Git in a folder without anybody's own settings; an exit code is for the caller to judge. */
export function tryGit(folder: string, ...args: readonly string[]): GitRun {
  const { status, stdout, stderr } = spawnSync("git", args, {
    cwd: folder,
    encoding: "utf8",
    env: {
      ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^GIT_/.test(name))),
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_CONFIG_SYSTEM: "/dev/null",
      GIT_AUTHOR_NAME: "t",
      GIT_AUTHOR_EMAIL: "t@example.org",
      GIT_COMMITTER_NAME: "t",
      GIT_COMMITTER_EMAIL: "t@example.org",
    },
  });
  return { code: status, text: `${stdout}${stderr}` };
}

export function git(folder: string, ...args: readonly string[]): string {
  const { code, text } = tryGit(folder, ...args);
  if (code !== 0) throw new Error(`git ${args.join(" ")} in ${folder}:\n${text}`);
  return text.trim();
}
