#!/usr/bin/env node
// Stands in for a Python interpreter: its one op does what `writer.mjs` of the workspace says.
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { answerWith } from "../rig/answering-runner.mjs";

answerWith(async (action) => {
  const { write } = await import(pathToFileURL(resolve("writer.mjs")).href);
  write(action);
});
