// The part of a stand-in for Python that needs nobody to tell it what to answer: it says which versions
// there are, and does each job at once by calling `write`.
import { writeSync } from "node:fs";
import { createInterface } from "node:readline";

/** @param write makes the outputs of one action: `{ params, inputs, outputs }` as the job has them */
export function answerWith(write) {
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
    .on("line", async (line) => {
      const { job, actions } = JSON.parse(line);
      for (const { id, params, inputs, outputs } of actions) {
        await write({ params, inputs, outputs });
        emit({ type: "result", job, action: id, seconds: 1, gpu_seconds: 0, tools: {}, facts: {} });
      }
      emit({ type: "idle", job, action: job });
    })
    .on("close", () => process.exit(0));
}
