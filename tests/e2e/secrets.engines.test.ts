import * as fs from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { FAKE_PYTHON, FakeRunners } from "../rig/fake-runners.ts";
import type { Finished, TestWorkspace } from "../rig/workspace.ts";
import { runnerWorkspace } from "./runner-workspace.ts";

/** Credentials in the shell and in what others say, and every place where they could come to light. */
const SECRETS = {
  HF_TOKEN: "token-of-mine-0123",
  SOME_API_KEY: "key-of-mine-0123",
  HTTPS_PROXY: "http://me:proxy-passw0rd@127.0.0.1:9",
};
const HIDDEN = [
  SECRETS.HF_TOKEN,
  SECRETS.SOME_API_KEY,
  "proxy-passw0rd",
  "passw0rd-of-url",
  "bearer0123456789",
  "hf_abcdefghijklmnop",
  "signed0123",
];
const SAID = `${SECRETS.HF_TOKEN} ${SECRETS.SOME_API_KEY} ${SECRETS.HTTPS_PROXY} at https://me:passw0rd-of-url@host/x?X-Amz-Signature=signed0123 Authorization: Bearer bearer0123456789 hf_abcdefghijklmnop`;

let workspace: TestWorkspace;
let runners: FakeRunners;
afterEach(() => {
  runners.close();
  workspace.remove();
});

/** A process of its own, whose shell has the credentials. */
const aqm = (...args: readonly string[]) => workspace.start(args, { env: SECRETS });

/** All files that aqm made, with their content. */
function made(folder = "."): readonly (readonly [string, string])[] {
  const sources = ["Aqmfile.ts", "rules", "python", "source.txt", ".fake-runner", ".fake.sock"];
  return fs.readdirSync(workspace.path(folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (sources.includes(path)) return [];
    if (entry.isDirectory()) return made(path);
    return entry.isFile() ? [[path, workspace.read(path)] as const] : [];
  });
}

function nothingIn(what: string, text: string): void {
  for (const secret of HIDDEN)
    if (text.includes(secret)) throw new Error(`${what} has ${secret}:\n${text}`);
}

const said: Finished[] = [];
const finished = async (running: ReturnType<typeof aqm>): Promise<Finished> => {
  const ended = await running.finished;
  said.push(ended);
  return ended;
};

describe("credentials", () => {
  it("are in no output, event, record, log and file, whatever runners, ops and the shell say", async () => {
    workspace = runnerWorkspace({ cpu: 1 });
    runners = await FakeRunners.listen(workspace);
    const build = ["build", "--python", FAKE_PYTHON];

    const ran = aqm(...build, "--json");
    const job = await runners.nextJob();
    job.send({ type: "warning", action: "cpu/1.txt", code: "odd", message: SAID });
    const [action] = job.request.actions;
    fs.writeFileSync(String(action?.outputs["text"]?.path), "text\n");
    job.send({
      type: "result",
      action: "cpu/1.txt",
      seconds: 1,
      gpu_seconds: 0,
      tools: { library: SAID },
      facts: { from: SAID },
    });
    job.idle();
    const first = await finished(ran);
    expect(first.code).toBe(0);
    expect(first.stdout).toContain("*** *** http://***@127.0.0.1:9 at https://***@host/x");
    expect(workspace.read("aqm.lock/cpu/1.txt.json")).toContain("Bearer ***");

    workspace.write("source.txt", "other\n");
    const failing = aqm(...build);
    (await runners.nextJob()).fail({ class: "bug", reason: "broken", message: SAID });
    expect((await finished(failing)).code).toBe(1);

    workspace.write(
      "rules/ops/join.ts",
      `import { err, type OpCall, type OpFailure, type OpOutputs, type Result } from "aqm";
export const version = 2;
// Made here, so that no source, and nothing that is compiled from it, has it.
const said = ${JSON.stringify(Array.from(SAID))}.join("");
export function run(_call: OpCall<object, string>): Result<OpOutputs<"text">, OpFailure> {
  return err({ reason: "op_failed", message: said, nextStep: said });
}
`,
    );
    workspace.write("source.txt", "source\n");
    for (const json of [[], ["--json"]]) {
      const broken = await finished(aqm(...build, ...json));
      expect(broken.code).toBe(1);
      expect(broken.stdout).toContain("***");
    }
    for (const args of [
      ["why", "sum.txt"],
      ["why", "--json", "sum.txt"],
      ["list", "--json"],
      ["graph", "--html", "graph.html", "."],
      ["verify", "--json"],
      ["doctor"],
      ["doctor", "--json"],
      ["build", `${SECRETS.HF_TOKEN}.txt`],
    ])
      await finished(aqm(...args));

    said.forEach(({ stdout, stderr }, n) => nothingIn(`command ${n}`, stdout + stderr));
    const files = made();
    expect(files.map(([path]) => path)).toContain("aqm.lock/cpu/1.txt.json");
    for (const [path, text] of files) nothingIn(path, text);
  });
});
