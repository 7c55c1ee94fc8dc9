import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { EXIT } from "../../src/model/failure.ts";
import { eventSchema } from "../rig/event-schema.ts";
import { WIDE } from "../rig/wide.ts";
import { REPOSITORY } from "./support/folder.ts";

const page = (name: string): string => fs.readFileSync(join(REPOSITORY, "docs", name), "utf8");

describe("the schema of events", () => {
  it.runIf(WIDE)("and the table of docs/events.md are what the types of the code say", () => {
    const made = spawnSync(process.execPath, ["scripts/event-schema.mjs", "--check"], {
      cwd: REPOSITORY,
      encoding: "utf8",
    });
    expect(made.stderr).toBe("");
    expect(made.status).toBe(0);
  });

  it("is one of JSON Schema 2020-12, and lets a reader meet fields of later versions", () => {
    const validate = new Ajv2020({ strict: true, allErrors: true }).compile(eventSchema());
    const line = { seq: 3, ms: 12, type: "notice", message: "words" };
    expect(validate(line)).toBe(true);
    expect(validate({ ...line, later: 1 })).toBe(true);
    const { message: _gone, ...short } = line;
    expect(validate(short)).toBe(false);
    expect(validate({ ...line, message: 1 })).toBe(false);
    expect(validate({ ...line, seq: -1 })).toBe(false);
    expect(validate({ ...line, version: 0 })).toBe(false);
  });

  it("is a door of the package", () => {
    const manifest = JSON.parse(fs.readFileSync(join(REPOSITORY, "package.json"), "utf8")) as {
      exports: Readonly<Record<string, unknown>>;
    };
    const path = manifest.exports["./events.schema.json"];
    expect(JSON.parse(fs.readFileSync(join(REPOSITORY, String(path)), "utf8"))).toEqual(
      eventSchema(),
    );
  });
});

describe("exit codes", () => {
  const rows = (text: string): readonly string[] =>
    text.split("\n").filter((line) => /^\| \d+ +\|/.test(line));

  it("are the same on the pages of commands and of events, and all that there are", () => {
    expect(rows(page("events.md"))).toEqual(rows(page("commands.md")));
    const told = rows(page("events.md")).map((line) => Number(/\d+/.exec(line)?.[0]));
    expect(told.toSorted((a, b) => a - b)).toEqual(Object.values(EXIT).toSorted((a, b) => a - b));
  });
});
