// Preloaded (`NODE_OPTIONS=--import`) into the real command line: counts what it does to the disk below
// one folder and, when it is told to, ends the process for real or lets one call fail. What to do is in
// AQM_FAULT: { root, log, mode: "count" | "before" | "half" | "after" | "error" | "wipe", at, code, sticky }.
// "wipe" does nothing to the call, but somebody removes the state folder just before it.
// Every call is one line of JSON in `log`: [operation, path below root, has it a half].
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { dirname, join, relative, resolve } from "node:path";

const plan = process.env.AQM_FAULT === undefined ? null : JSON.parse(process.env.AQM_FAULT);
// Children inherit NODE_OPTIONS; only the command line itself is meant.
if (plan !== null && /\/bin\/aqm\.js$/.test(process.argv[1] ?? "")) install(plan);

function install({ root, log, mode, at = 0, code = "EIO", sticky = false, only = "" }) {
  const real = { ...fs };
  const paths = new Map(); // of open files
  const out = real.openSync(log, "a");
  let count = 0;
  let inside = false;
  let done = false;

  const absolute = (path) => resolve(path instanceof URL ? path.pathname : String(path));
  const below = (path) => {
    const found = relative(root, absolute(path));
    return found === "" ? "." : found.startsWith("..") ? null : found;
  };

  const die = () => {
    process.kill(process.pid, "SIGKILL");
    for (;;); // until it arrives
  };
  const fail = (operation, path) => {
    const text = code === "ENOSPC" ? "no space left on device" : "i/o error";
    const error = new Error(`${code}: ${text}, ${operation} '${absolute(path)}'`);
    throw Object.assign(error, { code, syscall: operation, path: absolute(path) });
  };

  /** `half` does a part of the work, or is null where there are no halves; `grows`: needs room. */
  const step = (operation, path, act, half = null, grows = false) => {
    const name = inside ? null : below(path);
    if (name === null || !name.includes(only)) return act();
    count += 1;
    real.writeSync(out, `${JSON.stringify([operation, name, half !== null, grows])}\n`);
    inside = true;
    try {
      // Which call comes n-th may differ a little from run to run: the next one that has a half will do.
      const hit = mode === "half" ? !done && count >= at && half !== null : count === at;
      if (mode === "error" && (sticky ? count >= at && grows : hit)) fail(operation, path);
      if (hit && mode === "before") die();
      if (hit && mode === "wipe") real.rmSync(join(root, ".aqm"), { recursive: true, force: true });
      if (hit && mode === "half") {
        done = true;
        half();
        die();
      }
      try {
        return act();
      } finally {
        if (hit && mode === "after") die(); // also when the call itself has failed
      }
    } finally {
      inside = false;
    }
  };

  const writes = (flags) => (typeof flags === "string" ? /[wa+]/.test(flags) : false);
  fs.openSync = (path, flags, ...rest) => {
    const open = () => {
      const handle = real.openSync(path, flags, ...rest);
      paths.set(handle, absolute(path));
      return handle;
    };
    return writes(flags) ? step("open", path, open, null, true) : open();
  };
  fs.closeSync = (handle) => {
    paths.delete(handle);
    real.closeSync(handle);
  };
  fs.fsyncSync = (handle) => step("fsync", paths.get(handle) ?? "/", () => real.fsyncSync(handle));
  // In its turn all the same, so that the calls have an order.
  fs.fsync = (handle, callback) => {
    let error = null;
    try {
      fs.fsyncSync(handle);
    } catch (thrown) {
      error = thrown;
    }
    setImmediate(callback, error);
  };
  fs.writeFileSync = (file, content, ...rest) => {
    const path = typeof file === "number" ? (paths.get(file) ?? "/") : file;
    const bytes = Buffer.from(content);
    const part = bytes.subarray(0, bytes.length >> 1);
    const act = () => real.writeFileSync(file, content, ...rest);
    return step("write", path, act, () => real.writeFileSync(file, part, ...rest), true);
  };
  fs.appendFileSync = (path, content, ...rest) => {
    const bytes = Buffer.from(content);
    const part = bytes.subarray(0, bytes.length >> 1);
    const act = () => real.appendFileSync(path, content, ...rest);
    return step("write", path, act, () => real.appendFileSync(path, part, ...rest), true);
  };
  fs.copyFileSync = (from, to, ...rest) => {
    const half = () => {
      const bytes = real.readFileSync(from);
      real.writeFileSync(to, bytes.subarray(0, bytes.length >> 1));
    };
    return step("copy", to, () => real.copyFileSync(from, to, ...rest), half, true);
  };
  fs.mkdirSync = (path, ...rest) => {
    if (real.existsSync(path)) return real.mkdirSync(path, ...rest);
    let first = absolute(path);
    while (!real.existsSync(dirname(first))) first = dirname(first);
    const half = first === absolute(path) ? null : () => real.mkdirSync(first);
    return step("mkdir", path, () => real.mkdirSync(path, ...rest), half, true);
  };
  fs.rmSync = (path, ...rest) => {
    const found = real.lstatSync(path, { throwIfNoEntry: false });
    if (found === undefined) return real.rmSync(path, ...rest);
    const names = found.isDirectory() ? real.readdirSync(path) : [];
    const removeSome = () => {
      for (const name of names.slice(0, Math.ceil(names.length / 2))) {
        real.rmSync(join(String(path), name), { recursive: true });
      }
    };
    const half = names.length > 0 ? removeSome : null;
    return step("remove", path, () => real.rmSync(path, ...rest), half);
  };
  fs.renameSync = (from, to) => step("rename", to, () => real.renameSync(from, to));
  fs.linkSync = (from, to) => step("link", to, () => real.linkSync(from, to), null, true);
  fs.rmdirSync = (path, ...rest) => {
    if (!real.existsSync(path)) return real.rmdirSync(path, ...rest);
    return step("rmdir", path, () => real.rmdirSync(path, ...rest));
  };
  // disk.ts uses none of these; whoever adds one has to teach it here first.
  for (const name of [
    "unlinkSync",
    "truncateSync",
    "ftruncateSync",
    "cpSync",
    "symlinkSync",
    "utimesSync",
    "chmodSync",
  ]) {
    const act = fs[name];
    fs[name] = (path, ...rest) => step(name, path, () => act(path, ...rest));
  }
  syncBuiltinESMExports();
}
