import { FAN_IN, jsonText, JOIN_ALL } from "./graph.mjs";

/** @type {Record<string, import("./generate.mjs").Generator>} */
export const pythonTools = {
  doit: (_graph, size) => ({
    "dodo.py": `SIZE, FAN_IN = ${size}, ${FAN_IN}

def task_copy():
    for i in range(SIZE):
        source, target = f"src/f{i:06}.txt", f"out/f{i:06}.txt"
        yield {"name": f"{i:06}", "file_dep": [source], "targets": [target], "actions": [f"cp {source} {target}"]}

def task_join():
    for i in range((SIZE + FAN_IN - 1) // FAN_IN):
        sources = [f"out/f{j:06}.txt" for j in range(i * FAN_IN, min((i + 1) * FAN_IN, SIZE))]
        target = f"agg/a{i:06}.txt"
        yield {"name": f"{i:06}", "file_dep": sources, "targets": [target], "actions": [f"cat {' '.join(sources)} > {target}"]}

def task_final():
    sources = [f"agg/a{i:06}.txt" for i in range((SIZE + FAN_IN - 1) // FAN_IN)]
    return {"file_dep": sources, "targets": ["final.txt"], "actions": ["${JOIN_ALL}"]}
`,
  }),

  dvc: ({ copies, parts, final }) => ({
    "dvc.yaml": jsonText({
      stages: Object.fromEntries([
        ...copies.map(({ name, source, target, command }) => [
          name,
          { cmd: command, deps: [source], outs: [target] },
        ]),
        ...parts.map(({ name, sources, target, command }) => [
          name,
          { cmd: command, deps: sources, outs: [target] },
        ]),
        [
          "final",
          {
            cmd: final.command,
            deps: parts.map(({ target }) => target),
            outs: [final.target],
          },
        ],
      ]),
    }),
    ".dvc/config": "[core]\n    no_scm = True\n    analytics = false\n    check_update = false\n",
  }),

  snakemake: (_graph, size) => ({
    Snakefile: `SIZE, FAN_IN = ${size}, ${FAN_IN}

rule final:
    input: [f"agg/a{i:06}.txt" for i in range((SIZE + FAN_IN - 1) // FAN_IN)]
    output: "final.txt"
    shell: "${JOIN_ALL}"

rule join:
    input: lambda wildcards: [f"out/f{i:06}.txt" for i in range(int(wildcards.part) * FAN_IN, min((int(wildcards.part) + 1) * FAN_IN, SIZE))]
    output: "agg/a{part}.txt"
    shell: "cat {input} > {output}"

rule copy:
    input: "src/f{index}.txt"
    output: "out/f{index}.txt"
    shell: "cp {input} {output}"
`,
  }),
};
