#!/usr/bin/env node
// Stands in for a Python interpreter: speaks the runner protocol as a test tells it to over a socket
// (`.fake-runner` in the working directory holds its path). Real ops are tested with real Python.
import { connect } from "node:net";
import { readFileSync, writeSync } from "node:fs";
import { createInterface } from "node:readline";

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
let seq = 0;
const emit = (event) =>
  writeSync(3, `${JSON.stringify({ seq: seq++, time: Date.now() / 1000, ...event })}\n`);

const environment = { devices: process.env.CUDA_VISIBLE_DEVICES };
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => say({ signal }));
emit({ type: "hello", pid: process.pid, python: "3.11.0", ops: {} });

createInterface({ input: process.stdin })
  .on("line", (line) => say({ request: JSON.parse(line), pid: process.pid, environment }))
  .on("close", () => process.exit(0));
createInterface({ input: socket }).on("line", (line) => {
  const { event, raw, exit } = JSON.parse(line);
  if (event !== undefined) emit(event);
  if (raw !== undefined) writeSync(3, raw);
  if (exit !== undefined) process.exit(exit);
});
