/**
 * What is run in a fresh realm before an op is: it takes away what could say something new each time, and calls
 * the op with objects of that realm alone. It is text, because it must be evaluated over there. `host` gives
 * nothing but texts and numbers and never throws, so no object of aqm's own realm gets within the op's reach.
 *
 * It evaluates to `(host) => ({ call, placeOf })`.
 */
export const REALM_CODE = `(function (host) {
"use strict";
const { defineProperty, freeze, getPrototypeOf, preventExtensions } = Object;
const set = (object, name, value) =>
  defineProperty(object, name, { value, writable: false, enumerable: false, configurable: false });
const undeclared = (what) => {
  host.undeclared(what);
  throw new Error("it reads " + what + ", which is not in its key");
};
const refuse = (object, name, what) => set(object, name, function () { undeclared(what); });

// The clock, chance, the garbage collector, other threads, the locale.
for (const name of ["Intl", "WeakRef", "FinalizationRegistry", "SharedArrayBuffer", "Atomics", "WebAssembly"])
  delete globalThis[name];
refuse(Math, "random", "random numbers (Math.random)");
const Clock = function Date() { undeclared("the clock (Date)"); };
for (const name of ["now", "parse", "UTC"]) refuse(Clock, name, "the clock (Date." + name + ")");
set(globalThis, "Date", Clock);
for (const name of ["toLocaleString"])
  for (const { prototype } of [Number, BigInt, Array, getPrototypeOf(Uint8Array)])
    refuse(prototype, name, "the locale (" + name + ")");
for (const name of ["localeCompare", "toLocaleLowerCase", "toLocaleUpperCase"])
  refuse(String.prototype, name, "the locale (" + name + ")");

// Where the compiled op lies, and what called it, is for people and not for the op.
const places = new WeakMap();
set(Error, "prepareStackTrace", (error, frames) => {
  const own = [];
  for (const frame of frames)
    if (frame.getFileName() === host.file)
      own.push(host.file + ":" + frame.getLineNumber() + ":" + frame.getColumnNumber());
  places.set(error, own.join("\\n"));
  return String(error);
});
const placeOf = (error) => {
  if (typeof error !== "object" || error === null) return "";
  void error.stack;
  return places.get(error) ?? "";
};

// What the language itself lacks and always gives the same answer.
const said = (answer) => {
  if (answer.error !== undefined) throw new TypeError(answer.error);
  return answer.value;
};
set(globalThis, "atob", (text) => said(host.atob(String(text))));
set(globalThis, "btoa", (text) => said(host.btoa(String(text))));
set(globalThis, "queueMicrotask", (task) => void Promise.resolve().then(() => void task()));
set(globalThis, "TextEncoder", class TextEncoder {
  get encoding() { return "utf-8"; }
  encode(text = "") { return new Uint8Array(host.encode(String(text))); }
});
set(globalThis, "TextDecoder", class TextDecoder {
  #label; #options;
  constructor(label = "utf-8", { fatal = false, ignoreBOM = false } = {}) {
    this.#label = String(label);
    this.#options = { fatal: Boolean(fatal), ignoreBOM: Boolean(ignoreBOM) };
    said(host.decode(new Uint8Array(0), this.#label, this.#options));
  }
  decode(bytes = new Uint8Array(0)) { return said(host.decode(bytes, this.#label, this.#options)); }
});
const print = (...values) => host.print(values.map((value) => {
  if (typeof value === "string") return value;
  if (value instanceof Error) return String(value);
  try { return JSON.stringify(value) ?? String(value); } catch { return String(value); }
}).join(" "));
for (const name of ["debug", "error", "info", "log", "trace", "warn"]) set(console, name, print);

// An op may not leave anything behind for the next one on what they share. Three prototypes are only closed:
// assigning to what inherits from a frozen one fails.
const open = [Object.prototype, Function.prototype, Error.prototype];
const shared = new Set([globalThis]);
for (const object of shared) {
  for (const name of Reflect.ownKeys(object)) {
    const { value, get } = Reflect.getOwnPropertyDescriptor(object, name);
    for (const inside of [value, get, getPrototypeOf(object)])
      if ((typeof inside === "object" && inside !== null) || typeof inside === "function") shared.add(inside);
  }
  if (object === globalThis || open.includes(object)) preventExtensions(object);
  else freeze(object);
}

const failing = (answer) => {
  if (answer === null) throw new Error("the input cannot be read");
  return answer;
};
const inputOf = ({ role, path }) => {
  const input = {
    text: () => failing(host.text(role)),
    digest: () => failing(host.digest(role)),
    isThere: () => host.isThere(role),
  };
  const hidden = () => undeclared("the path of its input " + role + " in a way that aqm does not see");
  return path === null
    ? defineProperty(input, "path", { get: hidden, enumerable: false })
    : { path, ...input };
};

/** Runs the module again, so that it has no state of an earlier call, and calls \`run\`. */
const call = (factory, params, inputs) => {
  const module = { exports: {} };
  factory(module, module.exports);
  const { run } = module.exports;
  if (typeof run !== "function") return { isOp: false };
  const given = {};
  for (const input of JSON.parse(inputs))
    defineProperty(given, input.role, { value: inputOf(input), enumerable: true, writable: true, configurable: true });
  return { isOp: true, returned: run({ params: JSON.parse(params), inputs: given }) };
};
return { call, placeOf };
})`;
