import { describe, expect, it } from "vitest";
import { hasConflictMarkers, settle, sidesOf, type Candidate } from "../../src/keys/resolve.ts";
import { lockRecordText } from "../../src/host/records/records.ts";
import type { ActionRecord } from "../../src/model/record.ts";
import { graphOf, nodeOf } from "./support/graphs.ts";
import { recordOf } from "./support/records.ts";

const node = nodeOf(graphOf({ makes: "out/a.md", from: ["s"] }), "out/a.md");
const [old, now] = [recordOf(node, { out: "old" }, 1), recordOf(node, { out: "now" }, 2)];
const again: ActionRecord = { ...recordOf(node, { out: "again" }, 2) };

const candidate = (
  side: Candidate["side"],
  record: ActionRecord | null,
  outputsHere = 0,
  wanted: Candidate["wanted"] = now.key,
): Candidate => ({ side, record, wanted, causes: [], outputsHere });

describe("a conflict in a lock record", () => {
  it("keeps the side whose key is the wanted one, be it ours or theirs", () => {
    expect(settle([candidate("ours", now), candidate("theirs", old, 1)])).toEqual({
      keep: "ours",
      record: now,
      because: "only_fit",
    });
    expect(settle([candidate("ours", old, 1), candidate("theirs", now)])).toMatchObject({
      keep: "theirs",
    });
  });

  it("keeps none when no key is the wanted one, or the wanted one is not known", () => {
    const none = { keep: null, because: "none_fits" };
    expect(settle([candidate("ours", old), candidate("theirs", null)])).toEqual(none);
    const unknown = [candidate("ours", now, 1, null), candidate("theirs", old, 1, null)];
    expect(settle(unknown)).toEqual(none);
    expect(settle([])).toEqual(none);
  });

  it("believes neither of two keys that both fit for want of inputs, unless outputs tell", () => {
    const ours = candidate("ours", old, 0, old.key);
    expect(settle([ours, candidate("theirs", now)])).toEqual({ keep: null, because: "ambiguous" });
    expect(settle([ours, candidate("theirs", now, 1)])).toMatchObject({
      keep: "theirs",
      because: "outputs_here",
    });
    const sameOutputs: ActionRecord = { ...now, outputs: old.outputs };
    const both = [candidate("ours", old, 1, old.key), candidate("theirs", sameOutputs, 1)];
    expect(settle(both)).toEqual({ keep: null, because: "ambiguous" });
  });

  it("prefers, of two results of the wanted key, the one that is in the workspace (P8)", () => {
    expect(settle([candidate("ours", now), candidate("theirs", again, 1)])).toEqual({
      keep: "theirs",
      record: again,
      because: "outputs_here",
    });
    expect(settle([candidate("ours", now, 1), candidate("theirs", again)])).toMatchObject({
      keep: "ours",
      because: "outputs_here",
    });
  });

  it("keeps ours where the same key has two results and neither is here", () => {
    expect(settle([candidate("ours", now), candidate("theirs", again)])).toMatchObject({
      keep: "ours",
      because: "first",
    });
  });

  it("keeps the first of two that say the same, and what is here already before both", () => {
    const dearer = { ...now, cost: { ...now.cost, seconds: 99 } };
    expect(settle([candidate("ours", dearer), candidate("theirs", now)])).toEqual({
      keep: "ours",
      record: dearer,
      because: "same_result",
    });
    const three = [candidate("here", now), candidate("ours", dearer), candidate("theirs", now)];
    expect(settle(three)).toMatchObject({ keep: "here" });
  });
});

describe("conflict markers", () => {
  const [ours, theirs] = [lockRecordText(old), lockRecordText(now)];
  const whole = `<<<<<<< HEAD\n${ours}=======\n${theirs}>>>>>>> branch\n`;

  it("are told from every whole record", () => {
    expect(hasConflictMarkers(whole)).toBe(true);
    expect(hasConflictMarkers(ours)).toBe(false);
    expect(hasConflictMarkers('{\n  "a": "<<<<<<< HEAD",\n  "b": "======="\n}\n')).toBe(false);
    for (const cut of ["<<<<<<< HEAD\n{", "{\n=======\n", "{}\r\n=======\r\n", ">>>>>>> a b"]) {
      expect(hasConflictMarkers(cut), cut).toBe(true);
    }
  });

  it("separate the sides, with and without the common ancestor", () => {
    expect(sidesOf(whole)).toEqual({ ours, theirs });
    const diff3 = whole.replace("=======\n", `||||||| base\n{}\n=======\n`);
    expect(sidesOf(diff3)).toEqual({ ours, theirs });
    const parts = "a\n<<<<<<< x\nb\n=======\n>>>>>>> y\nc\n<<<<<<< x\n=======\nd\n>>>>>>> y\ne";
    expect(sidesOf(parts)).toEqual({ ours: "a\nb\nc\ne", theirs: "a\nc\nd\ne" });
  });
});
