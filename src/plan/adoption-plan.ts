import type { ActionNode } from "../graph/graph.ts";
import { actionKey, asAdopted, describeAction } from "../keys/describe.ts";
import {
  adoptionOf,
  type Adoption,
  type AdoptionCandidate,
  type AdoptionFinding,
  type Contradiction,
  type FoundFile,
  type Grade,
} from "../model/adoption.ts";
import { digestOfBytes, type Digest } from "../model/digest.ts";
import type { Json } from "../model/json.ts";
import { UNKNOWN, type ActionDescription, type ActionRecord } from "../model/record.ts";
import { inputPlace } from "./inputs.ts";
import type { Knowledge } from "./knowledge.ts";

/** One found artifact, and what is to be done with it. */
export interface AdoptionRow {
  readonly file: string;
  readonly targets: readonly string[];
  readonly decision: "adopt" | "already" | "refused";
  readonly grade: Grade | null;
  readonly unknown: readonly string[];
  readonly contradictions: readonly Contradiction[];
  readonly checks: AdoptionCandidate["checks"];
  /** Why it was refused, and what can be done about it. */
  readonly reason: string | null;
  readonly nextStep: string | null;
  /** Producers first. */
  readonly work: readonly AdoptionWork[];
}

export interface AdoptionWork {
  readonly node: ActionNode;
  readonly outputs: Readonly<Record<string, string>>;
  readonly record: Omit<ActionRecord, "outputs">;
}

export interface AdoptionRequest {
  readonly findings: readonly AdoptionFinding[];
  readonly files: readonly FoundFile[];
  /** Every action that may be concerned, producers first. */
  readonly nodes: readonly ActionNode[];
  /** Only some targets were named: what is for none of them is passed over. */
  readonly narrowed: boolean;
  /** A person's reason to take over what contradicts the declaration. */
  readonly because: string | null;
  /** Replace other content and results of runs. */
  readonly force: boolean;
}

/** Pure: what is done with what adopters found. */
export function planAdoption(
  request: AdoptionRequest,
  knowledge: Pick<Knowledge, "observeOutput" | "record" | "opSource">,
): readonly AdoptionRow[] {
  const byTarget = new Map(request.nodes.map((node) => [node.id, node]));
  const rivals = rivalsOf(request.findings, request.files);
  // Beside what is for the named targets, the rest is passed over. Where nothing is, it is told why.
  const isBeside = (finding: AdoptionFinding): boolean =>
    request.narrowed && finding.kind === "refusal" && finding.unmatched === true;
  const concerned = request.findings.filter((finding) => !isBeside(finding));
  return (concerned.length > 0 ? concerned : request.findings).map((finding): AdoptionRow => {
    if (finding.kind === "refusal") return refused(finding, finding.message, finding.nextStep);
    const nodes = finding.results.flatMap(({ target }) => byTarget.get(target) ?? []);
    const mistake = mistakeIn(finding, byTarget);
    if (mistake !== null) return refused(finding, mistake);
    const others = rivals.get(finding);
    if (others === "twin") {
      const reason = "another one with the same bytes was found";
      return { ...refused(finding, reason), decision: "already", nextStep: null };
    }
    if (others !== undefined) {
      const reason = `several sources are for the same target: ${others.join(", ")}`;
      return refused(finding, reason, "Name the folder of the one that is meant.");
    }
    return decide(finding, nodes, request, knowledge);
  });
}

function decide(
  finding: AdoptionCandidate,
  nodes: readonly ActionNode[],
  { files, because, force }: AdoptionRequest,
  knowledge: Pick<Knowledge, "observeOutput" | "record" | "opSource">,
): AdoptionRow {
  const contradicts = finding.contradictions.length > 0;
  if (contradicts && because === null) {
    const next =
      'Correct the declaration, or take it over on your own word with --because "reason".';
    return refused(finding, "it is not what is declared", next);
  }
  const contents = new Map(finding.results.map((result) => [result.target, result.outputs]));
  const source = files.find(({ path }) => path === finding.file);
  const adoption: Adoption = {
    event: "adopted",
    grade: contradicts ? "asserted" : finding.grade,
    from: {
      name: finding.file.slice(finding.file.lastIndexOf("/") + 1),
      digest: source?.digest ?? digestOfBytes(""),
    },
    unknown: finding.unknown,
    contradictions: finding.contradictions,
    because: contradicts ? because : null,
  };
  const work = [...nodes]
    .sort((a, b) => a.index - b.index)
    .map((node) => workOf(node, contents, adoption, knowledge));
  const row = { ...shared(finding), grade: adoption.grade, reason: null, nextStep: null };
  if (work.every((one) => isThere(one, knowledge)))
    return { ...row, decision: "already", work: [] };
  const taken = force ? undefined : work.map((one) => inTheWay(one, knowledge)).find(Boolean);
  if (taken !== undefined) {
    const next = "Say --force to replace it; what was there is kept.";
    return { ...refused(finding, taken, next), grade: adoption.grade };
  }
  return { ...row, decision: "adopt", work };
}

function workOf(
  node: ActionNode,
  contents: ReadonlyMap<string, Readonly<Record<string, string>>>,
  adoption: Adoption,
  knowledge: Pick<Knowledge, "opSource">,
): AdoptionWork {
  const digests: Record<string, ActionDescription["inputs"][string]> = {};
  for (const { role, producer } of node.inputs) {
    const made = producer === null ? undefined : contents.get(producer.action.id)?.[producer.role];
    digests[role] = made === undefined ? UNKNOWN : digestOfBytes(made);
  }
  const unknown = new Set(Object.keys(digests).filter((role) => digests[role] === UNKNOWN));
  const source = { version: knowledge.opSource(node).version, code: null, sources: {} };
  const action = asAdopted(describeAction(node, digests, source, null), unknown);
  return {
    node,
    outputs: contents.get(node.id) ?? {},
    record: {
      schema: 1,
      target: node.id,
      key: actionKey(action),
      action,
      input_paths: Object.fromEntries(node.inputs.map((input) => [input.role, inputPlace(input)])),
      cost: { seconds: 0, gpu_seconds: 0, peak_memory_bytes: null, peak_gpu_memory_bytes: null },
      tools: {},
      facts: {},
      audit: [adoption as unknown as Json],
    },
  };
}

function isThere(
  { node, outputs, record }: AdoptionWork,
  knowledge: Pick<Knowledge, "observeOutput" | "record">,
): boolean {
  const last = knowledge.record(node);
  const same = last?.key === record.key && isSameWord(last, record);
  return same && Object.keys(outputs).every((role) => lies(node, role, outputs, knowledge));
}

const isSameWord = (a: ActionRecord, b: AdoptionWork["record"]): boolean =>
  JSON.stringify(wordOf(a.audit)) === JSON.stringify(wordOf(b.audit));

const wordOf = ([entry]: readonly Json[]): Json => {
  const { grade = null, because = null } = (entry ?? {}) as { grade?: Json; because?: Json };
  return [grade, because];
};

/** Why an output may not be replaced without being told to. */
function inTheWay(
  { node, outputs }: AdoptionWork,
  knowledge: Pick<Knowledge, "observeOutput" | "record">,
): string | undefined {
  const last = knowledge.record(node);
  if (last !== null && adoptionOf(last) === null) return `${node.id} was built here`;
  for (const [role, output] of Object.entries(node.declaration.outputs)) {
    if (knowledge.observeOutput(output).state === "missing") continue;
    if (!lies(node, role, outputs, knowledge)) return `something else lies at ${output.path}`;
  }
  return undefined;
}

function lies(
  node: ActionNode,
  role: string,
  outputs: Readonly<Record<string, string>>,
  knowledge: Pick<Knowledge, "observeOutput">,
): boolean {
  const output = node.declaration.outputs[role];
  const found = output === undefined ? undefined : knowledge.observeOutput(output);
  return found?.state === "present" && found.digest === digestOf(outputs[role]);
}

const digestOf = (content: string | undefined): Digest | null =>
  content === undefined ? null : digestOfBytes(content);

/** Candidates for one target: of those with the same bytes the first counts, others are in doubt. */
function rivalsOf(
  findings: readonly AdoptionFinding[],
  files: readonly FoundFile[],
): ReadonlyMap<AdoptionFinding, "twin" | readonly string[]> {
  const digests = new Map(files.map(({ path, digest }) => [path, digest]));
  const byTarget = new Map<string, Set<AdoptionCandidate>>();
  for (const finding of findings) {
    if (finding.kind === "refusal") continue;
    for (const { target } of finding.results) {
      byTarget.set(target, (byTarget.get(target) ?? new Set()).add(finding));
    }
  }
  const rivals = new Map<AdoptionFinding, "twin" | readonly string[]>();
  for (const list of byTarget.values()) {
    const [first, ...others] = list;
    if (first === undefined || others.length === 0) continue;
    const same = others.every(({ file }) => digests.get(file) === digests.get(first.file));
    const paths = [first, ...others].map(({ file }) => file).sort();
    if (!same) rivals.set(first, paths);
    for (const other of others) rivals.set(other, same ? "twin" : paths);
  }
  return rivals;
}

/** What an adopter must not answer: then the whole answer is refused. */
function mistakeIn(
  { results }: AdoptionCandidate,
  byTarget: ReadonlyMap<string, ActionNode>,
): string | null {
  for (const { target, outputs } of results) {
    const declared = byTarget.get(target)?.declaration.outputs;
    if (declared === undefined) return `the adopter answered ${target}, which it was not asked for`;
    const roles = Object.keys(declared).sort().join(", ");
    if (Object.values(declared).some(({ kind }) => kind === "folder")) {
      return `the adopter answered ${target}, which has a folder among its outputs`;
    }
    if (Object.keys(outputs).sort().join(", ") !== roles) {
      return `the adopter must answer these outputs of ${target}: ${roles}`;
    }
  }
  return null;
}

const shared = (finding: AdoptionCandidate) => ({
  file: finding.file,
  targets: finding.results.map(({ target }) => target),
  unknown: finding.unknown,
  contradictions: finding.contradictions,
  checks: finding.checks,
});

function refused(
  finding: AdoptionFinding,
  reason: string,
  nextStep: string = "This is a mistake in the adopter module.",
): AdoptionRow {
  const own =
    finding.kind === "candidate"
      ? shared(finding)
      : {
          file: finding.file,
          targets: [],
          unknown: [],
          contradictions: finding.contradictions,
          checks: [],
        };
  return { ...own, decision: "refused", grade: null, reason, nextStep, work: [] };
}
