import { Git } from "../../host/process/git.ts";
import type { OutputDeclaration } from "../../model/declaration.ts";
import { digestOfBytes, type Digest } from "../../model/digest.ts";

/** Whether Git has a committed file at HEAD with this very content; of folders and regions that is not asked. */
export async function isInGit(
  root: string,
  { path, kind, keep }: OutputDeclaration,
  digest: Digest,
): Promise<boolean> {
  const git = kind === "file" && keep === "committed" ? Git.of(root) : null;
  const found = git === null ? null : await git.at("HEAD", path);
  if (found === null || !found.ok || found.value === null || !("text" in found.value)) return false;
  return digestOfBytes(Buffer.from(found.value.text, "utf8")) === digest;
}
