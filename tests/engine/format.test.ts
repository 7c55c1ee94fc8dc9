import { describe, expect, it } from "vitest";
import { digestOfBytes, shortDigest } from "../../src/model/digest.ts";
import { EXIT, exitCodeOf, type Failure, type FailureReason } from "../../src/model/failure.ts";
import type { Cause } from "../../src/model/verdict.ts";
import { sizeText } from "../../src/model/size.ts";
import {
  causeText,
  durationRange,
  durationText,
  failureText,
  plural,
  sizeRange,
} from "../../src/ui/format.ts";
import { NO_COLOURS } from "../../src/ui/reporter.ts";

const [OLD, NEW] = [digestOfBytes("old"), digestOfBytes("new")];

/** One of each kind, and what a user must find in its text. A new kind does not compile without one. */
const CAUSES: { [K in Cause["kind"]]: readonly [Extract<Cause, { kind: K }>, readonly string[]] } =
  {
    never_built: [{ kind: "never_built" }, ["never built"]],
    changed: [
      { kind: "changed", field: "params.size", old: 128, new: 256 },
      ["params.size", "128 → 256"],
    ],
    output_missing: [{ kind: "output_missing", path: "out/a" }, ["out/a", "missing"]],
    output_modified: [
      { kind: "output_modified", path: "out/a", recorded: OLD, found: NEW },
      ["out/a", "by hand", `${shortDigest(OLD)} → ${shortDigest(NEW)}`],
    ],
    region_edited: [
      {
        ...{ kind: "region_edited", path: "README.md#runs", recorded: OLD, found: NEW },
        fate: "left",
      },
      ["the region runs in README.md", "by hand", "leaves the region", "--force"],
    ],
    needed_by: [{ kind: "needed_by", consumer: "out/b" }, ["needed by out/b"]],
    waits_for: [{ kind: "waits_for", producer: "out/a" }, ["once out/a is done"]],
    rerun_asked: [{ kind: "rerun_asked" }, ["rerun asked for"]],
    held: [{ kind: "held" }, ["not started"]],
    blocked_by: [{ kind: "blocked_by", producer: "out/a" }, ["out/a", "cannot be made"]],
    input_missing: [
      { kind: "input_missing", path: "data", obtain: "download it" },
      ["data is missing", "download it"],
    ],
    input_unreadable: [
      { kind: "input_unreadable", path: "data", error: "EACCES" },
      ["data cannot be read", "EACCES"],
    ],
    input_unfit: [
      { kind: "input_unfit", path: "data/a.json", problem: "has kind 1", nextStep: "set kind" },
      ["data/a.json has kind 1", "set kind"],
    ],
    unsupported_here: [
      { kind: "unsupported_here", why: "it needs a GPU", nextStep: "use another machine" },
      ["it needs a GPU", "use another machine"],
    ],
  };

describe("the text of a cause", () => {
  it.each(Object.entries(CAUSES))("%s says what it must, in one line", (_, [cause, parts]) => {
    const text = causeText(cause);
    for (const part of parts) expect(text).toContain(part);
    expect(text).not.toContain("\n");
    expect(text).not.toContain("undefined");
  });

  it.each([
    ["a string", "a", "b", '"a" → "b"'],
    ["a list", [1], [1, 2], "[1] → [1,2]"],
    ["null", null, true, "null → true"],
    ["a new value", undefined, 1, "(none) → 1"],
    ["a value that went", 1, undefined, "1 → (none)"],
    ["a digest", OLD, NEW, `${shortDigest(OLD)} → ${shortDigest(NEW)}`],
  ])("shows %s old and new", (_, old, now, values) => {
    const text = causeText({ kind: "changed", field: "params.x", old, new: now });
    expect(text).toBe(`params.x: ${values}`);
  });

  it("names the file behind a digest", () => {
    const values = { old: OLD, new: NEW };
    const input = {
      kind: "changed",
      field: "inputs.scores",
      path: "out/scores",
      ...values,
    } as const;
    expect(causeText(input)).toBe(
      `input out/scores changed: ${shortDigest(OLD)} → ${shortDigest(NEW)}`,
    );
    const source = { kind: "changed", field: 'op.sources["ops/a.ts"]', path: "ops/a.ts" } as const;
    expect(causeText({ ...source, ...values })).toContain("source ops/a.ts changed");
    expect(causeText({ ...source, old: undefined, new: NEW })).toBe("the op now uses ops/a.ts");
    expect(causeText({ ...source, old: OLD, new: undefined })).toBe(
      "the op no longer uses ops/a.ts",
    );
  });

  it("shortens what would fill the screen", () => {
    const text = causeText({ kind: "changed", field: "p", old: "x".repeat(500), new: 1 });
    expect(text.length).toBeLessThan(80);
    expect(text).toContain("… → 1");
  });
});

/** A new reason does not compile without a line here. */
const EXIT_CODES: Readonly<Record<FailureReason, number>> = {
  usage: EXIT.usage,
  unknown_target: EXIT.usage,
  skipped_target: EXIT.usage,
  no_aqmfile: EXIT.usage,
  aqmfile_syntax: EXIT.usage,
  aqmfile_failed: EXIT.usage,
  invalid_declaration: EXIT.usage,
  unknown_name: EXIT.usage,
  duplicate_output: EXIT.usage,
  overlapping_output: EXIT.usage,
  cycle: EXIT.usage,
  config_invalid: EXIT.usage,
  input_missing: EXIT.actionFailed,
  input_unreadable: EXIT.actionFailed,
  input_changed: EXIT.actionFailed,
  op_failed: EXIT.actionFailed,
  gate_failed: EXIT.actionFailed,
  bad_request: EXIT.actionFailed,
  unsupported_here: EXIT.actionFailed,
  out_of_memory: EXIT.actionFailed,
  device_lost: EXIT.actionFailed,
  runner_died: EXIT.actionFailed,
  runner_protocol: EXIT.actionFailed,
  environment_failed: EXIT.actionFailed,
  submit_refused: EXIT.actionFailed,
  job_lost: EXIT.actionFailed,
  job_ended: EXIT.actionFailed,
  time_limit: EXIT.actionFailed,
  submitted: EXIT.submitted,
  output_missing: EXIT.actionFailed,
  output_invalid: EXIT.actionFailed,
  region_edited: EXIT.actionFailed,
  region_damaged: EXIT.actionFailed,
  output_elsewhere: EXIT.actionFailed,
  over_budget: EXIT.overBudget,
  cancelled: EXIT.interrupted,
  disk_full: EXIT.actionFailed,
  not_writable: EXIT.actionFailed,
  lock_held: EXIT.actionFailed,
  state_damaged: EXIT.actionFailed,
  git_failed: EXIT.actionFailed,
};

describe("the text of a failure", () => {
  it.each(Object.entries(EXIT_CODES))("%s is shown in full and ends with %i", (reason, code) => {
    const failure: Failure = {
      reason: reason as FailureReason,
      message: "it went wrong",
      target: "out/a",
      place: { file: "Aqmfile.ts", line: 3, column: 7 },
      cause: "first line\nsecond line",
      nextStep: "do this",
      log: ".aqm/logs/a",
    };
    expect(failureText(failure, NO_COLOURS)).toBe(
      [
        "error Aqmfile.ts:3:7: it went wrong",
        "  target  out/a",
        "  cause   first line",
        "          second line",
        "  log     .aqm/logs/a",
        "  next    do this",
      ].join("\n"),
    );
    expect(exitCodeOf(failure)).toBe(code);
  });

  it("names the file of its place once", () => {
    const place = { file: "a/work.json", line: 2 };
    const said = (message: string): string =>
      failureText({ reason: "invalid_declaration", message, place }, NO_COLOURS);
    expect(said("a/work.json is not JSON")).toBe("error a/work.json:2 is not JSON");
    expect(said("there is no op")).toBe("error a/work.json:2: there is no op");
  });

  it("leaves out what is not known", () => {
    expect(failureText({ reason: "usage", message: "no" }, NO_COLOURS)).toBe("error no");
    const place = { file: "conf/x.yaml" };
    expect(failureText({ reason: "config_invalid", message: "no", place }, NO_COLOURS)).toBe(
      "error conf/x.yaml: no",
    );
  });
});

describe("numbers for people", () => {
  it.each([
    [0, "0 ms"],
    [0.049, "49 ms"],
    [1.24, "1.2 s"],
    [10.4, "10 s"],
    [59.6, "1 min 00 s"],
    [185, "3 min 05 s"],
    [3599.7, "1 h 00 min"],
    [7800, "2 h 10 min"],
  ])("%f seconds are %s", (seconds, text) => {
    expect(durationText(seconds)).toBe(text);
  });

  it.each([
    [0, "0 B"],
    [999, "999 B"],
    [1500, "1.5 kB"],
    [8_300_000_000, "8.3 GB"],
    [5e15, "5000.0 TB"],
  ])("%i bytes are %s", (bytes, text) => {
    expect(sizeText(bytes)).toBe(text);
  });

  it("have their plural", () => {
    expect([plural(0, "action"), plural(1, "action"), plural(2, "action")]).toEqual([
      "0 actions",
      "1 action",
      "2 actions",
    ]);
  });
});

describe("a range", () => {
  it.each([
    [[0.0004, 0.2], "0.4–200 ms"],
    [[0.9996, 0.9999], "about 1 s"],
    [[40, 90], "40–90 s"],
  ] as const)("of %j seconds reads %s", (range, text) => {
    expect(durationRange(range)).toBe(text);
  });
  it("of sizes never has a thousand of a unit", () => {
    expect(sizeRange([999.6e6, 999.9e6])).toBe("about 1 GB");
  });
});
