import { beforeEach, describe, expect, it } from "vitest";
import { runBuild } from "../../src/execute/build.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { lockRecordText, parseLockRecord } from "../../src/host/records/records.ts";
import type { AdoptionCandidate } from "../../src/model/adoption.ts";
import { digestOfBytes } from "../../src/model/digest.ts";
import type { BuildEvent } from "../../src/model/event.ts";
import type { ActionRecord } from "../../src/model/record.ts";
import { planAdoption, type AdoptionRow } from "../../src/plan/adoption-plan.ts";
import { estimateFrom } from "../../src/plan/estimate.ts";
import { makePlan } from "../../src/plan/plan.ts";
import { graphOf, nodeOf, selectAll, selectPaths } from "./support/graphs.ts";
import { MemoryExecutor, MemoryWorkspace, memoryPorts, settled } from "./support/memory.ts";
import { defined, only, valueOf } from "./support/results.ts";

let workspace: MemoryWorkspace;

beforeEach(() => {
  workspace = new MemoryWorkspace();
});

/**
 * weights, rows → measured (costly) → solved → report, where the rows are made from notes. Neither
 * weights nor notes are here.
 */
const chain = (params: { size?: number; budget?: number } = {}): Graph =>
  graphOf(
    { makes: "rows", from: ["notes"] },
    {
      makes: "measured",
      from: {
        weights: { path: "weights", kind: "file", obtain: "download them" },
        rows: { path: "rows", kind: "file" },
      },
      params: { size: params.size ?? 128 },
      gpu: 1,
    },
    { makes: "solved", from: ["measured"], params: { budget: params.budget ?? 8 } },
    { makes: "report", from: ["solved"] },
  );

const found: AdoptionCandidate = {
  kind: "candidate",
  file: "old/solved",
  results: [
    { target: "measured", outputs: { out: "measured elsewhere" } },
    { target: "solved", outputs: { out: "solved elsewhere" } },
  ],
  grade: "consistent",
  unknown: ["the weights"],
  contradictions: [],
  checks: [],
};

function rowsFor(
  findings: readonly AdoptionCandidate[],
  options: { because?: string; force?: boolean } = {},
): readonly AdoptionRow[] {
  const graph = chain();
  const files = findings.map(({ file }) => ({ path: file, digest: digestOfBytes(file), text: "" }));
  const request = { findings, files, nodes: graph.actions };
  const { because = null, force = false } = options;
  return planAdoption({ ...request, narrowed: false, because, force }, workspace);
}

async function adopt(findings = [found], options = {}): Promise<readonly AdoptionRow[]> {
  const rows = rowsFor(findings, options);
  for (const { node, outputs, record } of rows.flatMap(({ work }) => work)) {
    const stage = valueOf(await workspace.stage(node));
    for (const [role, content] of Object.entries(outputs)) {
      workspace.writeStaged(stage, role, content);
    }
    valueOf(await workspace.publish({ node, stage, record }));
  }
  return rows;
}

async function build(graph: Graph) {
  const events: BuildEvent[] = [];
  const executor = new MemoryExecutor(workspace, (node, inputs) => ({
    out: `${node.id} of ${JSON.stringify([node.declaration.params, inputs])}`,
  }));
  const outcome = await runBuild(
    {
      targets: [],
      jobs: 2,
      gpus: ["0"],
      keepGoing: true,
      expected: () => null,
      selection: selectPaths(graph, "report"),
      signal: new AbortController().signal,
    },
    memoryPorts(workspace, executor),
    (event) => events.push(event),
  );
  return { outcome, events, executed: executor.executed };
}

function planOf(graph: Graph, ...targets: readonly string[]) {
  const selection = targets.length > 0 ? selectPaths(graph, ...targets) : selectAll(graph);
  const plan = makePlan(selection, workspace);
  return Object.fromEntries(
    plan.actions.map(({ node, verdict, causes }) => [node.id, { verdict, causes }]),
  );
}

const recordOf = (path: string): ActionRecord => defined(workspace.records.get(path));

describe("a result that was taken over", () => {
  beforeEach(async () => {
    await adopt();
  });

  it("is fresh, and what only made its unknown inputs is left out of the plan", () => {
    expect(planOf(chain(), "report")).toEqual({
      measured: { verdict: "fresh", causes: [] },
      solved: { verdict: "fresh", causes: [] },
      report: { verdict: "run", causes: [{ kind: "never_built" }] },
    });
  });

  it("is built upon, without what it was made from", async () => {
    const { outcome, executed } = await build(chain());
    expect(outcome.exitCode).toBe(0);
    expect(executed).toEqual(["report"]);
    expect((await build(chain())).executed).toEqual([]);
  });

  it("still shows what is asked for itself", () => {
    expect(planOf(chain(), "report", "rows")["rows"]?.verdict).toBe("blocked");
  });

  it("says its inputs are unknown, which no content can be", () => {
    expect(recordOf("measured").action.inputs).toEqual({ weights: "unknown", rows: "unknown" });
    expect(recordOf("solved").action.inputs).toEqual({
      measured: digestOfBytes("measured elsewhere"),
    });
  });

  it("is stale once a param changes, and says so besides what is missing", () => {
    const { measured, solved } = planOf(chain({ size: 64 }), "report");
    expect(measured?.verdict).toBe("blocked");
    expect(measured?.causes).toContainEqual({
      kind: "changed",
      field: "params.size",
      old: 128,
      new: 64,
    });
    expect(solved?.causes).toEqual([{ kind: "blocked_by", producer: "measured" }]);
  });

  it("gives another budget without being measured again", async () => {
    const changed = chain({ budget: 9 });
    expect(planOf(changed, "report")).toMatchObject({
      measured: { verdict: "fresh" },
      solved: {
        verdict: "run",
        causes: [{ kind: "changed", field: "params.budget", old: 8, new: 9 }],
      },
    });
    expect((await build(changed)).executed).toEqual(["solved", "report"]);
    expect((await build(chain())).events.filter(isRestored)).toHaveLength(1);
    expect(workspace.files.get("solved")).toBe("solved elsewhere");
  });

  it("stands when an op's code or the environment changes: it was made by neither", () => {
    workspace.lock = digestOfBytes("another lock file");
    expect(planOf(chain(), "report")["measured"]?.verdict).toBe("fresh");
    workspace.versions.set("ops/copy.ts", 2);
    expect(planOf(chain(), "report")["measured"]?.causes).toContainEqual({
      kind: "changed",
      field: "op.version",
      old: 1,
      new: 2,
    });
  });

  it("stands when what it does not know comes to light, and the build says that nobody compared", async () => {
    workspace.files.set("weights", "any weights");
    const { executed, events } = await build(chain());
    expect(executed).toEqual(["report"]);
    const notices = events.flatMap((event) => (event.type === "notice" ? [event.message] : []));
    expect(only(notices)).toContain("weights is here, and adopted results");
  });

  it("is restored after its output was removed, and made again when the store lost it", async () => {
    workspace.files.delete("measured");
    expect(planOf(chain(), "report")["measured"]).toEqual({
      verdict: "restore",
      causes: [{ kind: "output_missing", path: "measured" }],
    });
    workspace.stored.clear();
    workspace.files.set("weights", "weights").set("notes", "notes");
    expect(planOf(chain(), "report")["measured"]).toEqual({
      verdict: "unknown", // the rows may come out as those of an earlier run
      causes: [
        { kind: "output_missing", path: "measured" },
        { kind: "waits_for", producer: "rows" },
      ],
    });
    expect((await build(chain())).executed).toEqual(["rows", "measured", "solved", "report"]);
  });

  it("gives way to a run, and does not come back over it", async () => {
    workspace.files.set("weights", "weights").set("notes", "notes");
    await build(chain({ size: 64 }));
    expect(recordOf("measured").audit).toEqual([]);
    // Back at 128: nobody ran that, so what was taken over counts again.
    await build(chain());
    expect(workspace.files.get("measured")).toBe("measured elsewhere");
    // Once it was run with these params, only that counts.
    workspace.files.delete("measured");
    workspace.stored.delete(digestOfBytes("measured elsewhere"));
    await build(chain());
    expect(recordOf("measured").audit).toEqual([]);
    workspace.stored.set(digestOfBytes("measured elsewhere"), "measured elsewhere");
    workspace.files.set("weights", "other weights");
    expect(planOf(chain(), "report")["measured"]?.verdict).toBe("run");
  });

  it("tells nothing about how long a run takes", () => {
    const expected = estimateFrom({
      record: (node) => workspace.record(node),
      runs: () => [recordOf("measured")],
      inputBytes: () => null,
    });
    expect(expected(nodeOf(chain(), "measured"))).toBeNull();
  });

  it("is a whole lock record; an unknown input is one only in such a record", () => {
    const record = recordOf("measured");
    expect(parseLockRecord(lockRecordText(record))).toEqual(record);
    expect(parseLockRecord(lockRecordText({ ...record, audit: [] }))).toBeNull();
  });
});

const isRestored = (event: BuildEvent): boolean => settled([event], "restored").includes("solved");

describe("what is taken over", () => {
  it("is nothing new the second time", async () => {
    expect(only(await adopt())).toMatchObject({ decision: "adopt", grade: "consistent" });
    expect(only(await adopt())).toMatchObject({ decision: "already", work: [] });
  });

  const wrong = { ...found, contradictions: [{ field: "size", declared: 128, found: 96 }] };

  it("does not contradict what is declared, unless a person says why", async () => {
    expect(only(rowsFor([wrong]))).toMatchObject({ decision: "refused", grade: null, work: [] });
    const row = only(await adopt([wrong], { because: "measured alike" }));
    expect(row).toMatchObject({ decision: "adopt", grade: "asserted" });
    expect(recordOf("solved").audit).toMatchObject([
      { event: "adopted", grade: "asserted", because: "measured alike", ...onlyContradictions },
    ]);
  });
  const onlyContradictions = { contradictions: wrong.contradictions };

  it("replaces neither other content nor a run, unless told to", async () => {
    workspace.files.set("solved", "by hand");
    expect(only(rowsFor([found])).reason).toBe("something else lies at solved");
    expect(only(rowsFor([found], { force: true })).decision).toBe("adopt");
    workspace.files.set("weights", "weights").set("notes", "notes");
    await build(chain());
    expect(only(rowsFor([found])).reason).toBe("measured was built here");
  });

  it("is in doubt when two sources differ, and the first of those that are the same", () => {
    const other = { ...found, file: "older/solved" };
    const rows = rowsFor([found, other]);
    expect(rows.map(({ decision }) => decision)).toEqual(["refused", "refused"]);
    expect(rows[0]?.reason).toContain("old/solved, older/solved");
    const graph = chain();
    const files = ["old/solved", "older/solved"].map((path) => {
      return { path, digest: digestOfBytes("the same"), text: "" };
    });
    const twins = planAdoption(
      {
        findings: [found, other],
        files,
        nodes: graph.actions,
        narrowed: false,
        because: null,
        force: false,
      },
      workspace,
    );
    expect(twins.map(({ decision }) => decision)).toEqual(["adopt", "already"]);
  });

  it("must be answered as it is declared", () => {
    const strange = { ...found, results: [{ target: "solved", outputs: { other: "x" } }] };
    expect(only(rowsFor([strange])).reason).toContain("must answer these outputs of solved: out");
    const unasked = { ...found, results: [{ target: "nobody", outputs: { out: "x" } }] };
    expect(only(rowsFor([unasked])).reason).toContain("which it was not asked for");
  });
});
