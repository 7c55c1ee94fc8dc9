import * as fs from "node:fs";
import { expect, it } from "vitest";
import { OpSources } from "../../src/host/code/op-sources.ts";
import { layoutOf } from "../../src/host/disk/layout.ts";
import { Evidence } from "../../src/host/evidence/evidence.ts";
import { isRacySignature, sourceSignature } from "../../src/host/evidence/signature.ts";
import { pythonOpFiles } from "../rig/python-op.ts";
import { Folder } from "./support/folder.ts";
import { graphOf, nodeOf } from "./support/graphs.ts";
import { valueOf } from "./support/results.ts";

const OP = pythonOpFiles("work", { outputs: { out: "file" } });

it("the op of a runner that a workspace begins to bring is another one than that of aqm", async () => {
  const aqm = new Folder(OP);
  const workspace = new Folder();
  const { declaration, ...node } = nodeOf(graphOf({ makes: "a" }), "a");
  const action = {
    ...node,
    declaration: { ...declaration, op: { runtime: "python", name: "work", environment: "any" } },
  } as const;
  /** Once the files are old enough for a signature to be believed. */
  const sourcesNow = async (): Promise<object> => {
    const files = [aqm, workspace].flatMap((folder) =>
      Object.keys(OP).map((path) => folder.at(path)),
    );
    while (files.some((path) => isRacySignature(sourceSignature(path))));
    const sources = new OpSources(layoutOf(workspace.path, aqm.path), new Evidence());
    valueOf(await sources.resolve([action]));
    expect(sources.changed(action)).toBeNull();
    return sources.of(action).sources;
  };
  const ofAqm = await sourcesNow();
  for (const [path, text] of Object.entries(OP)) workspace.write(path, `${text}\n`);
  const own = await sourcesNow();
  expect(own).not.toEqual(ofAqm);
  fs.rmSync(workspace.at("python"), { recursive: true });
  expect(await sourcesNow()).toEqual(ofAqm);
});
