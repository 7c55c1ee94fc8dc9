import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { actionKey } from "../../../src/keys/describe.ts";
import { digestOfBytes, digestOfFolder, type Digest } from "../../../src/model/digest.ts";
import type { ActionDescription, ActionRecord } from "../../../src/model/record.ts";
import type { Content } from "../../../src/ports.ts";
import type { Folder } from "./folder.ts";

/** Text of a file, or texts by path of a folder. */
export type Output = string | Readonly<Record<string, string>>;

export interface MadeResult {
  readonly record: ActionRecord;
  readonly contents: readonly Content[];
}

/** A result as an action would have made it, with its contents in files. */
export function madeResult(
  folder: Folder,
  name: string,
  outputs: Readonly<Record<string, Output>>,
): MadeResult {
  const contents = new Map<string, Content>();
  for (const [role, output] of Object.entries(outputs)) {
    const texts = typeof output === "string" ? { "": output } : output;
    const files = Object.entries(texts).map(([path, text]) => {
      const source = folder.at(join("made", name, role, path === "" ? "file" : path));
      fs.mkdirSync(dirname(source), { recursive: true });
      fs.writeFileSync(source, text);
      return { path, digest: digestOfBytes(text), source };
    });
    const isFile = typeof output === "string";
    const digest = isFile
      ? (files[0]?.digest ?? digestOfBytes(""))
      : digestOfFolder(files.map((file) => [file.path, file.digest]));
    contents.set(role, { digest, kind: isFile ? "file" : "folder", files });
  }
  return { record: recordFor(name, contents, outputs), contents: [...contents.values()] };
}

function recordFor(
  name: string,
  contents: ReadonlyMap<string, Content>,
  outputs: Readonly<Record<string, Output>>,
): ActionRecord {
  const paths = [...contents].map(([role, { kind }]) => [
    role,
    { path: `out/${name}/${role}`, kind },
  ]);
  const action: ActionDescription = {
    epoch: 1,
    op: { runtime: "typescript", name: "op.ts", version: 1, code: null, sources: {} },
    environment: null,
    params: { name },
    inputs: {},
    outputs: Object.fromEntries(paths) as ActionDescription["outputs"],
  };
  const sizeOf = (output: Output | undefined): number =>
    typeof output === "string"
      ? Buffer.byteLength(output)
      : Object.values(output ?? {}).reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  return {
    schema: 1,
    target: `out/${name}`,
    key: actionKey(action),
    action,
    input_paths: {},
    outputs: Object.fromEntries(
      [...contents].map(([role, { digest }]) => [
        role,
        { path: `out/${name}/${role}`, digest, size: sizeOf(outputs[role]) },
      ]),
    ),
    cost: { seconds: 1, gpu_seconds: 0, peak_memory_bytes: null, peak_gpu_memory_bytes: null },
    tools: {},
    facts: {},
    audit: [],
  };
}

/** What lies at a path: text of a file, texts of a folder; null where nothing is. */
export function outputAt(path: string): Output | null {
  const stat = fs.statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return null;
  if (stat.isFile()) return fs.readFileSync(path, "utf8");
  const names = fs.readdirSync(path, { recursive: true, encoding: "utf8" });
  const files = names.filter((file) => fs.statSync(join(path, file)).isFile()).sort();
  return Object.fromEntries(files.map((file) => [file, fs.readFileSync(join(path, file), "utf8")]));
}

export const hex = (digest: Digest): string => digest.slice("sha256:".length);
