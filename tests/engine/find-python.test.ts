import * as fs from "node:fs";
import { afterEach, expect, it } from "vitest";
import { findPython } from "../../src/host/python/python-install.ts";
import { Folder } from "./support/folder.ts";
import { errorOf, valueOf } from "./support/results.ts";

const path = process.env["PATH"];
afterEach(() => void (process.env["PATH"] = path));

/** Programs on the path that answer as Pythons of these versions do. */
function onThePath(pythons: Readonly<Record<string, string>>): Folder {
  const folder = new Folder();
  for (const [name, version] of Object.entries(pythons)) {
    fs.writeFileSync(folder.at(name), `#!/bin/sh\necho ${version}\n`, { mode: 0o755 });
  }
  process.env["PATH"] = folder.path;
  return folder;
}

it("takes the first Python of the path that the environment's packages run on", async () => {
  const folder = onThePath({ python3: "3.10", "python3.12": "3.12", "python3.11": "3.11" });
  expect(valueOf(await findPython({ name: "modelopt" }))).toEqual({
    python: folder.at("python3"),
    version: "3.10",
  });
  expect(valueOf(await findPython({ name: "vllm", python: "3.11" }))).toEqual({
    python: folder.at("python3.12"),
    version: "3.12",
  });
});

it("says which Pythons it found where none is new enough, and how to name one", async () => {
  const folder = onThePath({ python3: "3.10", python: "2.7" });
  expect(errorOf(await findPython({ name: "vllm", python: "3.11" }))).toMatchObject({
    reason: "environment_failed",
    message: "No Python from 3.11 to 3.13 is on the path, for the environment vllm",
    cause: `found only ${folder.at("python3")} (3.10), ${folder.at("python")} (2.7)`,
    nextStep:
      "Install one, or name an interpreter with --python vllm=PATH (or AQM_PYTHON=vllm=PATH).",
  });
});
