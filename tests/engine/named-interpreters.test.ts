import { describe, expect, it } from "vitest";
import { interpretersIn, namedInterpreters } from "../../src/host/python/named-interpreters.ts";

const KNOWN = ["data", "modelopt", "torch"];

function named(...texts: string[]): readonly (string | undefined)[] {
  const interpreters = namedInterpreters(texts, KNOWN);
  if (!interpreters.ok) throw new Error(interpreters.error.message);
  return KNOWN.map(interpreters.value);
}

describe("interpreters that the user names", () => {
  it("are aqm's own to make where nothing is named", () => {
    expect(named()).toEqual([undefined, undefined, undefined]);
  });

  it("are one for all environments", () => {
    expect(named("/a/python")).toEqual(["/a/python", "/a/python", "/a/python"]);
  });

  it("are one for each environment that is named", () => {
    expect(named("torch=/t/python", "data=d/python")).toEqual(["d/python", undefined, "/t/python"]);
  });

  it("are that of its own before the one for all, in any order", () => {
    const expected = ["/a/python", "/a/python", "/t/python"];
    expect(named("/a/python", "torch=/t/python")).toEqual(expected);
    expect(named("torch=/t/python", "/a/python")).toEqual(expected);
  });

  it("are the last of several for the same", () => {
    expect(named("torch=/one", "torch=/two")).toEqual([undefined, undefined, "/two"]);
  });

  it("may have an equals sign in their path", () => {
    expect(named("torch=/a=b/python", "/c=d/python", "./e=f/python")).toEqual([
      "./e=f/python",
      "./e=f/python",
      "/a=b/python",
    ]);
  });

  it("of an unknown environment are refused with the nearest name", () => {
    const wrong = namedInterpreters(["torhc=/t/python"], KNOWN);
    expect(wrong).toMatchObject({
      ok: false,
      error: {
        reason: "usage",
        message: "--python torhc=/t/python: the Aqmfile uses no environment torhc",
        nextStep: "Did you mean torch?",
      },
    });
    const far = namedInterpreters(["somewhere=/t"], KNOWN);
    expect(far).toMatchObject({
      ok: false,
      error: { nextStep: "It declares: data, modelopt, torch." },
    });
  });

  it("without a path are refused", () => {
    expect(namedInterpreters(["torch="], KNOWN)).toMatchObject({
      ok: false,
      error: { message: "--python torch= names no interpreter" },
    });
  });

  it("come from the variable as one path, or as a list", () => {
    expect(interpretersIn("")).toEqual([]);
    expect(interpretersIn("/a,b/python")).toEqual(["/a,b/python"]);
    expect(interpretersIn("torch=/a,b/python,data=/d/python")).toEqual([
      "torch=/a,b/python",
      "data=/d/python",
    ]);
  });
});
