#!/usr/bin/env node
"use strict";
const { existsSync } = require("node:fs");
const { join } = require("node:path");

const dist = join(__dirname, "../dist");
if (existsSync(join(dist, "main.js"))) {
  const argv = process.argv.slice(2);
  const recalled = require(join(dist, "at-once.cjs")).answerAtOnce(argv);
  if (recalled !== true) import("../dist/main.js").then(({ start }) => start(argv, recalled));
} else {
  console.error("error dist/main.js is missing\n  next    Run npm run build in the folder of aqm.");
  process.exitCode = 2;
}
