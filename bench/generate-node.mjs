import { jsonText } from "./graph.mjs";

/** @type {Record<string, import("./generate.mjs").Generator>} */
export const nodeTools = {
  wireit: ({ copies, parts, final }) => {
    const steps = [
      ...copies.map(({ name, source, target, command }) => ({
        name,
        step: { command, files: [source], output: [target] },
      })),
      ...parts.map(({ name, members, target, command }) => ({
        name,
        step: {
          command,
          dependencies: members.map((member) => member.name),
          files: [],
          output: [target],
        },
      })),
      {
        name: "final",
        step: {
          command: final.command,
          dependencies: parts.map(({ name }) => name),
          files: [],
          output: [final.target],
        },
      },
    ];
    return {
      "package.json": jsonText({
        private: true,
        scripts: Object.fromEntries(steps.map(({ name }) => [name, "wireit"])),
        wireit: Object.fromEntries(steps.map(({ name, step }) => [name, step])),
      }),
    };
  },

  turbo: ({ copies, parts, final }) => {
    // Without `inputs` a task depends on all files; what it depends on besides are its producers.
    const own = { inputs: ["package.json"] };
    return {
      "package.json": jsonText({
        name: "graph",
        private: true,
        packageManager: "npm@10.8.2",
        scripts: Object.fromEntries([
          ...[...copies, ...parts].map(({ name, command }) => [name, command]),
          ["final", final.command],
        ]),
      }),
      "package-lock.json": jsonText({ name: "graph", lockfileVersion: 3, packages: {} }),
      "turbo.json": jsonText({
        tasks: Object.fromEntries([
          ...copies.map(({ name, source, target }) => [
            name,
            { inputs: [source], outputs: [target] },
          ]),
          ...parts.map(({ name, members, target }) => [
            name,
            { ...own, outputs: [target], dependsOn: members.map((member) => member.name) },
          ]),
          ["final", { ...own, outputs: [final.target], dependsOn: parts.map(({ name }) => name) }],
        ]),
      }),
    };
  },
};
