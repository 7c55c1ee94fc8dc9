type Roles = Readonly<Record<string, "file" | "folder">>;

/** The files of a Python op whose runner is a stand-in: only what is declared of it matters. */
export function pythonOpFiles(
  name: string,
  declared: {
    readonly inputs?: Roles;
    readonly optionalInputs?: Roles;
    readonly outputs: Roles;
    readonly params?: object;
  },
): Record<string, string> {
  const shared = { version: 1, usesDevice: false, tools: [], inputs: {} };
  const declaration = { ...shared, params: { type: "object" }, ...declared };
  return {
    [`python/aqm_runner/ops/${name}.py`]: `"""Op ${name}."""\n`,
    [`python/aqm_runner/ops/${name}.json`]: `${JSON.stringify(declaration)}\n`,
  };
}
