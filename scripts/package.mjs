// What `npm pack` needs beside the sources: dist/, and types/ with the declarations of the public doors.
// Sources are packed as well, since keys name them and aqm bundles ops from them; their types are those of
// declarations, so that another workspace's compiler settings do not judge them.
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundle } from "./bundle.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
await bundle();
rmSync(join(root, "types"), { recursive: true, force: true });
const compiler = createRequire(import.meta.url).resolve("typescript/bin/tsc");
const { status } = spawnSync(process.execPath, [compiler, "-p", "tsconfig.package.json"], {
  cwd: root,
  stdio: "inherit",
});
process.exitCode = status ?? 1;
