import { describe, expect, it } from "vitest";
import { pythonClosure } from "../../src/host/code/python-closure.ts";
import { Folder } from "./support/folder.ts";
import { errorOf, valueOf } from "./support/results.ts";

const ENTRY = "aqm_runner/ops/op.py";
/** What Python runs on the way to the op. */
const AROUND = ["aqm_runner/__init__.py", "aqm_runner/ops/__init__.py"];
const closure = (op: string, files: Readonly<Record<string, string>> = {}): readonly string[] =>
  valueOf(
    pythonClosure(
      new Folder({
        [ENTRY]: op,
        "aqm_runner/__init__.py": "",
        "aqm_runner/ops/__init__.py": "",
        "aqm_runner/a.py": "",
        "aqm_runner/b.py": "from aqm_runner import c\n",
        "aqm_runner/c.py": "from aqm_runner.b import thing\n",
        "aqm_runner/package/__init__.py": "from aqm_runner.package.inner import x\n",
        "aqm_runner/package/inner.py": "",
        "aqm_runner/package/other.py": "",
        "aqm_runner/unused.py": "",
        ...files,
      }).path,
      ENTRY,
    ),
  );
const names = (op: string): string =>
  closure(op)
    .filter((path) => path !== ENTRY && !AROUND.includes(path))
    .map((path) => path.replace("aqm_runner/", ""))
    .join(" ");

describe("the source closure of a Python op", () => {
  it("is the op and what Python runs on the way to it when it imports nothing of the package", () => {
    expect(closure("import json\nfrom pathlib import Path\n")).toEqual([...AROUND, ENTRY]);
  });

  it.each([
    ["import aqm_runner.a", "a.py"],
    ["from aqm_runner import a", "a.py"],
    ["from aqm_runner.a import thing", "a.py"],
    ["from aqm_runner import a as other, unused as u", "a.py unused.py"],
    ["from aqm_runner import (\n    a,\n    unused,  # why\n)", "a.py unused.py"],
    ["def run():\n    from aqm_runner.a import lazily", "a.py"],
    ["try:\n    import aqm_runner.a\nexcept ImportError: pass", "a.py"],
    ["import aqm_runner.a, aqm_runner.unused as u", "a.py unused.py"],
    ["from aqm_runner.package import *", "package/__init__.py package/inner.py"],
  ])("follows %j", (line, found) => {
    expect(names(`${line}\n`)).toBe(found);
  });

  it("looks for files that would be taken first, also where they are not there", () => {
    const looked: string[] = [];
    const folder = new Folder({ [ENTRY]: "import aqm_runner.a\n", "aqm_runner/a.py": "" });
    valueOf(pythonClosure(folder.path, ENTRY, (path) => looked.push(path)));
    expect(looked).toEqual(expect.arrayContaining([...AROUND, "aqm_runner/a/__init__.py"]));
  });

  it.each([
    ["from aqm_runner import a; x = 1"],
    ["from . import a"],
    ["from .package import other"],
    ["if 1: import aqm_runner.a"],
    ["x = 1; from aqm_runner import a"],
    ["from aqm_runner.ops \\\n    import op"],
    ['importlib.import_module("aqm_runner.a")'],
    ["from importlib import import_module as load"],
    ['    module = __import__("aqm_runner." + name)'],
    ['spec = importlib.util.spec_from_file_location("a", path)'],
    ['runpy.run_module("aqm_runner.a")'],
  ])("refuses %j rather than missing it, and says where", (line) => {
    const folder = new Folder({ [ENTRY]: `"""Doc."""\n${line}\n`, "aqm_runner/a.py": "" });
    expect(errorOf(pythonClosure(folder.path, ENTRY))).toMatchObject({ path: ENTRY, line: 2 });
  });

  it("follows imports of imports, also in a circle", () => {
    expect(names("from aqm_runner.b import x\n")).toBe("b.py c.py");
  });

  it("takes the __init__ of every package on the way, and what that imports", () => {
    expect(names("from aqm_runner.package.other import x\n")).toBe(
      "package/__init__.py package/inner.py package/other.py",
    );
  });

  it("takes no import out of a string, whatever is in it", () => {
    const shown = `"""As in:

from aqm_runner import a, unused (or import_module)
\\""" # still the string
"""
X = 'it is # no comment'; Y = r"\\"
from aqm_runner.a import x  # "from aqm_runner import unused"
`;
    expect(names(shown)).toBe("a.py");
  });

  it("leaves what loads no module alone", () => {
    const line =
      "from importlib import metadata\nimport importlib.util\nimportlib.util.find_spec(x)\n";
    expect(closure(line)).toEqual([...AROUND, ENTRY]);
  });

  it("does not take names out of comments and other packages", () => {
    expect(names("# from aqm_runner import a\nfrom aqm_runners import a\n")).toBe("");
  });
});
