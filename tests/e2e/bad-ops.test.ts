import { afterEach, expect, it } from "vitest";
import { copyOf, OddWorkspace } from "./odd-workspace.ts";

let workspace: OddWorkspace;
afterEach(() => workspace.remove());

/** Bodies of `run`, and what aqm says of them. */
const BODIES: readonly (readonly [name: string, body: string, says: RegExp])[] = [
  [
    "async",
    "return Promise.resolve(ok({ text: 'x' }));",
    /^The op is async: run returned a promise$/,
  ],
  ["rejecting", "return Promise.reject(new Error('late'));", /^The op is async/],
  ["nothing", "return undefined;", /^run returned undefined, no result$/],
  ["text", "return 'x';", /^run returned string, no result$/],
  ["no-value", "return { ok: true };", /^run returned object, no result$/],
  [
    "number",
    "return ok({ text: 1 });",
    /^The op returned a value of type number for its output text$/,
  ],
  ["null", "return ok({ text: null });", /^The op returned null for its output text$/],
  ["missing", "return ok({});", /did not write its output text/],
  [
    "extra",
    "return ok({ text: 'x', txt: 'y' });",
    /^The op returned txt, which is not one of its outputs$/,
  ],
  ["no-reason", "return { ok: false, error: undefined };", /^The op refused without saying why$/],
  [
    "odd-reason",
    "return { ok: false, error: { reason: 'cancelled', message: 'x' } };",
    /refused without saying why/,
  ],
  ["throws-text", "throw 'no';", /^The op threw an error: no$/],
  ["throws-nothing", "throw undefined;", /^The op threw an error: undefined$/],
  ["throws", "throw new TypeError('two\\nlines');", /^The op threw an error: two\nlines$/],
  [
    "not-utf8",
    "return ok({ text: call.inputs.bytes.text() });",
    /^The input in\.bytes is not UTF-8 text$/,
  ],
  ["a-folder", "return ok({ text: call.inputs.tree.text() });", /^The input tree cannot be read$/],
  [
    "swallows",
    "try { call.inputs.bytes.text(); } catch {} return ok({ text: 'x' });",
    /^The input in\.bytes is not UTF-8/,
  ],
];

it("whatever a TypeScript op does, its file and target are named, and nothing is recorded", async () => {
  const op = (body: string): string => `import { ok } from "aqm";
export const version = 1;
export function run(call: any): any {
  ${body}
}
`;
  workspace = new OddWorkspace(
    {
      "tree/a": "a",
      ...Object.fromEntries(BODIES.map(([name, body]) => [`rules/ops/${name}.ts`, op(body)])),
      "rules/ops/no-run.ts": "export const version = 1;\n",
    },
    [...BODIES.map(([name]) => name), "no-run"]
      .map(
        (name) =>
          `action({ op: typescriptOp<any>("rules/ops/${name}.ts"), params: {}, inputs: { bytes: file("in.bytes"), tree: folder("tree") }, outputs: { text: committed("out/${name}") } }),\n`,
      )
      .join(""),
  );
  workspace.files.write("in.bytes", Buffer.from([0x61, 0xe9]));
  const { code, failures } = await workspace.build();
  expect(code).toBe(1);
  for (const [name, , says] of [...BODIES, ["no-run", "", /exports no function run/] as const]) {
    const failure = failures.get(`out/${name}`);
    expect(failure?.message, name).toMatch(says);
    expect(failure?.target).toBe(`out/${name}`);
    expect(failure?.place?.file).toMatch(new RegExp(`^(rules/ops/${name}\\.ts|in\\.bytes|tree)$`));
    expect(failure?.nextStep).not.toBe("");
    expect(workspace.files.exists(`out/${name}`)).toBe(false);
    expect(workspace.files.exists(`aqm.lock/out/${name}.json`)).toBe(false);
  }
  // Where it threw, without the frames of aqm.
  expect(failures.get("out/throws")?.cause).toMatch(
    /^in \.aqm\/compiled\/op-[0-9a-f]+\.cjs:\d+:\d+$/,
  );
});

it("a version in a comment or a string is not taken for the op's", async () => {
  workspace = new OddWorkspace({ "in.txt": "a" }, copyOf('file("in.txt")', "out/a"));
  workspace.files.edit(
    "rules/ops/copy.ts",
    "export const version = 1;",
    "/*\nexport const version = 2;\n*/\nexport const help = `\nexport const version = 3;\n`;\nexport const version = 4;",
  );
  await workspace.build();
  const record = JSON.parse(workspace.files.read("aqm.lock/out/a.json")) as {
    action: { op: { version: number } };
  };
  expect(record.action.op.version).toBe(4);
});
