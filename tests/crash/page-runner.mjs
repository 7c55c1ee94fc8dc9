#!/usr/bin/env node
// Stands in for a Python interpreter whose one op makes a folder: a page for each line of the source,
// and an index beside it.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { answerWith } from "../rig/answering-runner.mjs";

answerWith(({ inputs, outputs }) => {
  const lines = readFileSync(inputs.source.path, "utf8").trimEnd().split("\n");
  mkdirSync(outputs.pages.path, { recursive: true });
  for (const text of lines) {
    const [name] = text.split(" ");
    writeFileSync(`${outputs.pages.path}/${name}.txt`, `${text}\n`.repeat(50));
  }
  writeFileSync(outputs.index.path, `${lines.length} pages\n`.repeat(50));
});
