import { describe, expect, it } from "vitest";
import {
  OpRealm,
  type Called,
  type OpHost,
  type OpInputs,
} from "../../src/host/typescript/op-realm.ts";

/** Calls an op whose `run` has this body; inputs answer their role in upper case. */
function call(
  body: string,
  { inputs = [], top = "" }: { readonly inputs?: readonly OpInputs[]; readonly top?: string } = {},
): {
  readonly called: Called;
  readonly undeclared: readonly string[];
  readonly printed: readonly string[];
} {
  const undeclared: string[] = [];
  const printed: string[] = [];
  const host: OpHost = {
    text: (role) => role.toUpperCase(),
    digest: () => "sha256:0",
    isThere: () => true,
    undeclared: (what) => void undeclared.push(what),
    print: (line) => void printed.push(line),
  };
  const realm = new OpRealm(
    "op-1.cjs",
    `${top}\nexports.run = ({ params, inputs }) => { ${body} };`,
  );
  return { called: realm.call("{}", inputs, host), undeclared, printed };
}

const returned = (body: string): unknown => {
  const { called, undeclared } = call(body);
  expect(undeclared).toEqual([]);
  if (!called.isOp || !("returned" in called)) throw new Error(JSON.stringify(called));
  return called.returned;
};

describe("an op cannot look around, however it hides that", () => {
  it.each([
    ["new (globalThis['Da' + 'te'])()", "the clock (Date)"],
    ["Date['no' + 'w']()", "the clock (Date.now)"],
    ["Math['ran' + 'dom']()", "random numbers (Math.random)"],
    ["(12.5)['toLocale' + 'String']()", "the locale (toLocaleString)"],
    ["[1]['toLocaleString']()", "the locale (toLocaleString)"],
    ["'a'.localeCompare('b')", "the locale (localeCompare)"],
    ["'I'.toLocaleLowerCase()", "the locale (toLocaleLowerCase)"],
  ])("%s", (expression, what) => {
    expect(call(`return ${expression};`).undeclared).toEqual([what]);
    // Also where it swallows what was thrown.
    expect(call(`try { ${expression} } catch {} return 1;`).undeclared).toEqual([what]);
  });

  it.each([
    "process",
    "require",
    "fetch",
    "performance",
    "crypto",
    "Buffer",
    "setTimeout",
    "Intl",
    "WeakRef",
    "FinalizationRegistry",
    "SharedArrayBuffer",
    "Atomics",
    "WebAssembly",
    "navigator",
    "localStorage",
  ])("there is no %s", (name) => {
    expect(returned(`return typeof globalThis["${name}"];`)).toBe("undefined");
  });

  it.each([
    "[].constructor.constructor('return process')()",
    "eval('1')",
    "(async () => {}).constructor('return 1')()",
    "inputs.a.text.constructor('return process')()",
    "TextEncoder.constructor('return process')()",
    "new TextEncoder().encode('x').constructor.constructor('return process')()",
    "(() => { try { atob('\\u20ac') } catch (e) { return e.constructor.constructor('return process')() } })()",
    "console.log.constructor('return process')()",
  ])("no code is made from text: %s", (expression) => {
    const inputs = [{ role: "a", path: "in/a" }];
    const { called } = call(`return ${expression};`, { inputs });
    expect(called).toHaveProperty("thrown.name", "EvalError");
  });

  it("nothing is imported late", async () => {
    const got = returned("return import('node:fs');") as Promise<unknown>;
    await expect(got).rejects.toHaveProperty("code", "ERR_VM_DYNAMIC_IMPORT_CALLBACK_MISSING");
  });

  it("an error does not say where anything lies", () => {
    expect(returned("return new Error('x').stack;")).toBe("Error: x");
    const { called } = call("null.x;");
    expect(called).toHaveProperty("at", [expect.stringMatching(/^op-1\.cjs:2:\d+$/)]);
  });
});

describe("an op finds everything as it was at its first call", () => {
  const host: OpHost = {
    text: () => "",
    digest: () => "",
    isThere: () => true,
    undeclared: () => undefined,
    print: () => undefined,
  };

  it("its module", () => {
    const realm = new OpRealm("op-2.cjs", "let calls = 0; exports.run = () => ++calls;");
    for (const _time of [1, 2]) expect(realm.call("{}", [], host)).toHaveProperty("returned", 1);
  });

  it.each(["Array.prototype", "Object", "Math", "globalThis", "JSON", "TextEncoder.prototype"])(
    "%s takes nothing on",
    (place) => {
      expect(call(`${place}.calls = 1;`, { top: '"use strict";' }).called).toHaveProperty(
        "thrown.message",
        expect.stringContaining("not extensible"),
      );
    },
  );

  it("what is the language's own stays as it is", () => {
    for (const change of [
      "Array.prototype.at = 1",
      "Math.max.calls = 1",
      "delete String.prototype.at",
    ])
      expect(call(`${change};`, { top: '"use strict";' }).called).toHaveProperty(
        "thrown.name",
        "TypeError",
      );
    // What inherits may still have its own.
    expect(returned("const o = { a: 1 }; o.toString = () => 'mine'; return String(o);")).toBe(
      "mine",
    );
    expect(
      returned(
        "class Odd extends Error {} const e = new Odd('x'); e.message = 'y'; return e.message;",
      ),
    ).toBe("y");
  });
});

describe("what an op gets of its inputs", () => {
  const inputs = [
    { role: "b", path: null },
    { role: "a", path: "in/a.txt" },
  ];

  it("are their texts, in the order in which they are handed over", () => {
    const { called } = call(
      "return JSON.stringify(Object.keys(inputs).map((role) => inputs[role].text()));",
      { inputs },
    );
    expect(called).toHaveProperty("returned", '["B","A"]');
  });

  it("is a path only where that is in the key", () => {
    expect(call("return inputs.a.path;", { inputs }).called).toHaveProperty("returned", "in/a.txt");
    expect(call("return { ...inputs.b }.path;", { inputs }).undeclared).toEqual([]);
    expect(call("return inputs.b['pa' + 'th'];", { inputs }).undeclared).toEqual([
      "the path of its input b in a way that aqm does not see",
    ]);
  });

  it("comes late to nobody", async () => {
    const body = "return Promise.resolve().then(() => inputs.a.text());";
    const { called } = call(body, { inputs });
    if (!("returned" in called)) throw new Error("it returned");
    await expect(called.returned).rejects.toHaveProperty("message", "the input cannot be read");
  });
});

it("texts can be encoded and decoded, and lines printed", () => {
  expect(returned("return new TextDecoder().decode(new TextEncoder().encode('ä€'));")).toBe("ä€");
  expect(returned("return new TextEncoder().encode('ä') instanceof Uint8Array;")).toBe(true);
  expect(returned("return atob(btoa('x'));")).toBe("x");
  expect(call("new TextDecoder('klingon');").called).toHaveProperty("thrown.name", "TypeError");
  expect(call("console.log('a', { b: 1 }, null);").printed).toEqual(['a {"b":1} null']);
});
