#!/usr/bin/env node
import { existsSync } from "node:fs";

const main = new URL("../dist/main.js", import.meta.url);
if (existsSync(main)) await import(main.href);
else {
  console.error("error dist/main.js is missing\n  next    Run npm run build in the folder of aqm.");
  process.exitCode = 2;
}
