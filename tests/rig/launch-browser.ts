import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { createRequire } from "node:module";
import { delimiter, dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { brotliDecompressSync, createBrotliDecompress } from "node:zlib";
import { chromium, type Browser } from "playwright-core";

/**
 * The browser that tests use: the one that AQM_TEST_BROWSER names; else one from the npm registry, the same
 * everywhere, for Linux on x64; else a Chromium or Chrome on the path.
 *
 * @param cache folder where what is packed in that package is kept unpacked
 */
export async function launchBrowser(cache: string): Promise<Browser> {
  const named = process.env["AQM_TEST_BROWSER"];
  if (named !== undefined) return start(cache, named);
  const packed = process.platform === "linux" && process.arch === "x64";
  const program = packed ? await unpacked(cache) : onPath();
  if (program === null) throw new Error("no Chromium or Chrome on the path");
  try {
    return await start(cache, program);
  } catch (error) {
    if (!packed) throw error;
    // A system without desktop libraries: the package brings those as well.
    return start(cache, program, { LD_LIBRARY_PATH: libraries(cache) });
  }
}

const start = (
  cache: string,
  executablePath: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Browser> =>
  chromium.launch({
    executablePath,
    timeout: 0,
    env: { ...process.env, ...fonts(cache), ...env },
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });

const parts = (): string =>
  join(dirname(createRequire(import.meta.url).resolve("@sparticuz/chromium")), "../../bin");

function place(cache: string, name: string): string {
  const { version } = JSON.parse(fs.readFileSync(join(parts(), "../package.json"), "utf8")) as {
    readonly version: string;
  };
  return join(cache, version, name.split(".")[0] ?? name);
}

async function unpacked(cache: string): Promise<string> {
  const program = place(cache, "chromium.br");
  if (fs.existsSync(program)) return program;
  const unfinished = `${program}.${process.pid}`;
  fs.mkdirSync(dirname(program), { recursive: true });
  await pipeline(
    fs.createReadStream(join(parts(), "chromium.br")),
    createBrotliDecompress(),
    fs.createWriteStream(unfinished, { mode: 0o755 }),
  );
  fs.renameSync(unfinished, program); // whole, whoever else unpacks it now
  return program;
}

function folderFrom(cache: string, archive: string): string {
  const folder = place(cache, archive);
  if (fs.existsSync(folder)) return folder;
  const unfinished = `${folder}.${process.pid}`;
  fs.mkdirSync(unfinished, { recursive: true });
  const input = brotliDecompressSync(fs.readFileSync(join(parts(), archive)));
  const { status } = spawnSync("tar", ["-x", "-C", unfinished], { input });
  if (status !== 0) throw new Error(`tar could not unpack ${archive}`);
  if (fs.existsSync(folder)) fs.rmSync(unfinished, { recursive: true });
  else fs.renameSync(unfinished, folder);
  return folder;
}

const libraries = (cache: string): string => join(folderFrom(cache, "al2023.tar.br"), "lib");

/** The package's fonts where the system has none. */
function fonts(cache: string): Readonly<Record<string, string>> {
  if (fs.existsSync("/etc/fonts/fonts.conf")) return {};
  const folder = folderFrom(cache, "fonts.tar.br");
  const file = join(folder, "own.conf");
  fs.writeFileSync(
    file,
    `<?xml version="1.0"?><fontconfig><dir>${folder}</dir><cachedir>${folder}/cache</cachedir></fontconfig>`,
  );
  return { FONTCONFIG_FILE: file };
}

function onPath(): string | null {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    for (const name of ["chromium", "chromium-browser", "google-chrome", "chrome"]) {
      if (fs.existsSync(join(folder, name))) return join(folder, name);
    }
  }
  return null;
}
