import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Git } from "../../src/host/process/git.ts";
import { git } from "../rig/git.ts";
import { sample } from "../rig/wide.ts";

let folder: string;
const run = (...args: readonly string[]): string => git(folder, ...args);
const ran = (): readonly string[] =>
  fs.readdirSync(folder).filter((name) => name.startsWith("ran-"));

/** A program that leaves a file where it was started. */
function trap(name: string): string {
  const path = join(folder, `${name}.sh`);
  fs.writeFileSync(path, `#!/bin/sh\ntouch '${folder}/ran-${name}'\ncat 2>/dev/null\nexit 1\n`);
  fs.chmodSync(path, 0o755);
  return path;
}

/** Asks everything that aqm ever asks Git. */
async function askEverything(): Promise<void> {
  const asked = Git.of(folder);
  if (asked === null) throw new Error("no repository");
  await asked.recordsOfAllRefs(() => undefined);
  await asked.unmergedRecords();
  await asked.at("HEAD", "a.txt");
  await asked.at("HEAD", ".");
}

beforeEach(() => {
  folder = fs.mkdtempSync(join(tmpdir(), "aqm-git-"));
  run("init", "--quiet", "--initial-branch", "main");
  fs.mkdirSync(join(folder, "aqm.lock"));
  fs.writeFileSync(join(folder, "aqm.lock/a.json"), "{}\n");
  fs.writeFileSync(join(folder, "a.txt"), "a\n");
  run("add", "--all");
  run("commit", "--quiet", "--message", "a");
});
afterEach(() => fs.rmSync(folder, { recursive: true }));

describe("a repository whose configuration names programs", () => {
  it("starts none of them when it is read", async () => {
    for (const name of [
      "core.fsmonitor",
      "core.pager",
      "core.sshCommand",
      "core.editor",
      "core.askPass",
      "alias.cat-file",
      "diff.x.textconv",
      "diff.x.command",
      "filter.x.smudge",
      "filter.x.clean",
      "filter.x.process",
      "credential.helper",
      "gpg.program",
    ])
      run("config", name, `${name.startsWith("alias") ? "!" : ""}${trap(name)}`);
    fs.writeFileSync(join(folder, ".git/info/attributes"), "* diff=x filter=x\n");
    fs.mkdirSync(join(folder, "hooks"));
    for (const hook of ["post-index-change", "reference-transaction", "post-checkout"])
      fs.copyFileSync(trap(hook), join(folder, "hooks", hook));
    run("config", "core.hooksPath", join(folder, "hooks"));
    for (const name of ran()) fs.rmSync(join(folder, name));
    await askEverything();
    expect(ran()).toEqual([]);
  });

  it.each(sample(["a path", "ext::sh -c", "ssh"]))(
    "fetches no missing object from its remote (%s)",
    async (kind) => {
      const [blob, record] = [run("rev-parse", "HEAD:a.txt"), run("rev-parse", "HEAD:aqm.lock")];
      for (const name of [blob, record])
        fs.rmSync(join(folder, ".git/objects", name.slice(0, 2), name.slice(2)));
      const program = trap("fetch");
      const url = {
        "a path": folder,
        "ext::sh -c": `ext::${program} %S`,
        ssh: "ssh://h.invalid/x",
      }[kind];
      for (const [name = "", value = ""] of [
        ["core.repositoryFormatVersion", "1"],
        ["extensions.partialClone", "evil"],
        ["remote.evil.promisor", "true"],
        ["remote.evil.url", url],
        ["remote.evil.uploadpack", program],
        ["core.sshCommand", program],
        ["protocol.ext.allow", "always"],
        ["protocol.file.allow", "always"],
        ["protocol.ssh.allow", "always"],
      ])
        run("config", name, value);
      await askEverything();
      expect(ran()).toEqual([]);
      const asked = Git.of(folder);
      for (const answer of [
        await asked?.at("HEAD", "a.txt"),
        await asked?.recordsOfAllRefs(() => undefined),
      ])
        expect(answer).toMatchObject({
          ok: false,
          error: { reason: "git_failed", nextStep: expect.stringContaining("partial") as string },
        });
    },
  );
});
