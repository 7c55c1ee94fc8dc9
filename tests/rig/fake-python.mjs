#!/usr/bin/env node
// Stands in for a Python interpreter: speaks the runner protocol as a test tells it to over a socket
// (`.fake-runner` in the working directory holds its path). Real ops are tested with real Python.
//
// With `.fake-device` in the working directory it has, from its first job to its end, something for each
// of its devices that only one process can have, as with the memory of a GPU: a name of a socket. With
// `.fake-deaf` it does not notice that nobody wants its results any more. With `.fake-worker` it starts a
// process of its own that obeys no polite signal, and writes its number there. With `.fake-cannot-import` it ends
// in an import ahead of its first job: at once, or where the file says `late`, when it has that job.
import { connect, createServer } from "node:net";
import { spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { createInterface } from "node:readline";

// A runner that imports an op ahead of its first job is another module.
const ahead = process.argv[3] === "aqm_runner.runner.ahead" ? process.argv[4] : null;
const cannotImport = ahead !== null && existsSync(".fake-cannot-import");
const isLate = cannotImport && readFileSync(".fake-cannot-import", "utf8") === "late";
if (cannotImport && !isLate) process.exit(1);
if (process.argv[2] === "-c") {
  // The probe for versions: whatever is asked for is there.
  console.log(
    JSON.stringify(
      Object.fromEntries([
        ["python", "3.11.0"],
        ...process.argv.slice(4).map((name) => [name, "1.0"]),
      ]),
    ),
  );
  process.exit(0);
}

const socket = connect(readFileSync(".fake-runner", "utf8").trim());
const say = (message) => socket.write(`${JSON.stringify(message)}\n`);
say({
  pid: process.pid,
  started: { devices: process.env.CUDA_VISIBLE_DEVICES, imports: ahead },
});
if (isLate) {
  process.stdin.once("readable", () => process.exit(1));
  await new Promise(() => undefined);
}
let seq = 0;
const emit = (event) =>
  writeSync(3, `${JSON.stringify({ seq: seq++, time: Date.now() / 1000, ...event })}\n`);

const environment = { devices: process.env.CUDA_VISIBLE_DEVICES };
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => say({ signal }));
emit({ type: "hello", pid: process.pid, python: "3.11.0", ops: {} });

let alone = null;
const occupy = (name) =>
  new Promise((resolve) => {
    const server = createServer().on("error", () => resolve(false));
    server.listen(`\0${name}`, () => resolve(true));
  });
async function occupyDevices() {
  const devices = environment.devices.split(",").filter((device) => device !== "");
  if (alone !== null || devices.length === 0 || !existsSync(".fake-device")) return;
  const prefix = readFileSync(".fake-device", "utf8");
  const occupied = await Promise.all(devices.map((device) => occupy(`${prefix}-${device}`)));
  alone = occupied.every(Boolean);
}

if (existsSync(".fake-worker")) {
  const loop = 'trap "" INT TERM HUP; while :; do sleep 1; done';
  const { pid } = spawn("/bin/sh", ["-c", loop], { stdio: "ignore" });
  writeFileSync(".fake-worker", String(pid));
}

createInterface({ input: process.stdin })
  .on("line", (line) =>
    occupyDevices().then(() =>
      say({ request: JSON.parse(line), pid: process.pid, environment, alone }),
    ),
  )
  .on("close", () => existsSync(".fake-deaf") || process.exit(0));
socket.on("error", () => process.exit(1)); // the test is over
createInterface({ input: socket }).on("line", (line) => {
  const { event, raw, exit } = JSON.parse(line);
  if (event !== undefined) emit(event);
  if (raw !== undefined) writeSync(3, raw);
  if (exit !== undefined) process.exit(exit);
});
