import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const REPOSITORY = fileURLToPath(new URL("../../..", import.meta.url)).replace(/\/$/, "");

const made: string[] = [];

/** After each test: see remove-folders.ts. */
export function removeFolders(): void {
  for (const folder of made.splice(0)) fs.rmSync(folder, { recursive: true, force: true });
}

/** A real folder that is gone after the test. */
export class Folder {
  readonly path: string;

  constructor(files: Readonly<Record<string, string | Uint8Array>> = {}) {
    this.path = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "aqm-test-")));
    made.push(this.path);
    for (const [path, content] of Object.entries(files)) this.write(path, content);
  }

  at(path: string): string {
    return join(this.path, path);
  }

  write(path: string, content: string | Uint8Array): void {
    fs.mkdirSync(dirname(this.at(path)), { recursive: true });
    fs.writeFileSync(this.at(path), content);
  }

  read(path: string): string {
    return fs.readFileSync(this.at(path), "utf8");
  }

  exists(path: string): boolean {
    return fs.existsSync(this.at(path));
  }

  remove(path: string): void {
    fs.rmSync(this.at(path), { recursive: true });
  }
}
