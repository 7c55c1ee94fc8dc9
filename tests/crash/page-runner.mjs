#!/usr/bin/env node
// Stands in for a Python interpreter whose one op makes a folder: a page for each line of the source,
// and an index beside it. It needs nobody to tell it what to answer.
import { mkdirSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { createInterface } from "node:readline";

if (process.argv[2] === "-c") {
  const versions = process.argv.slice(4).map((name) => [name, "1.0"]);
  console.log(JSON.stringify(Object.fromEntries([["python", "3.11.0"], ...versions])));
  process.exit(0);
}

let seq = 0;
const emit = (event) =>
  writeSync(3, `${JSON.stringify({ seq: seq++, time: Date.now() / 1000, ...event })}\n`);

emit({ type: "hello", pid: process.pid, python: "3.11.0", ops: {} });
createInterface({ input: process.stdin })
  .on("line", (line) => {
    const { job, actions } = JSON.parse(line);
    for (const { id, inputs, outputs } of actions) {
      const lines = readFileSync(inputs.source.path, "utf8").trimEnd().split("\n");
      mkdirSync(outputs.pages.path, { recursive: true });
      for (const text of lines) {
        const [name] = text.split(" ");
        writeFileSync(`${outputs.pages.path}/${name}.txt`, `${text}\n`.repeat(50));
      }
      writeFileSync(outputs.index.path, `${lines.length} pages\n`.repeat(50));
      const costs = { seconds: 1, gpu_seconds: 0 };
      emit({ type: "result", job, action: id, ...costs, tools: {}, facts: {} });
    }
    emit({ type: "idle", job, action: job });
  })
  .on("close", () => process.exit(0));
