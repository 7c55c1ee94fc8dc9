import type { ActionNode } from "../../graph/graph.ts";
import type { Verdict } from "../../model/verdict.ts";
import { oneLine } from "../../ui/escape.ts";
import { print, printJson, standardOutput } from "../terminal/terminal.ts";

/** What an answer is: targets, or ways through the graph. */
export type Answer =
  | {
      readonly targets: readonly ActionNode[];
      readonly verdicts?: ReadonlyMap<ActionNode, Verdict>;
    }
  | { readonly paths: readonly (readonly ActionNode[])[]; readonly more: boolean };

/** Answers go to standard output; that there is none, or more of them, is said beside it. */
export function showAnswer(answer: Answer, most: number, json: boolean): void {
  if ("paths" in answer) showPaths(answer.paths, answer.more, json);
  else if (json) showJson(answer.targets.slice(0, most), answer.verdicts);
  else {
    for (const node of answer.targets.slice(0, most)) {
      const verdict = answer.verdicts?.get(node);
      print(`${verdict === undefined ? "" : `${verdict.padEnd(8)} `}${oneLine(node.id)}`);
    }
    const left = answer.targets.length - most;
    if (left > 0) aside(`… and ${left} more`);
  }
}

function showPaths(paths: readonly (readonly ActionNode[])[], more: boolean, json: boolean): void {
  const ways = paths.map((path) => path.map(({ id }) => id));
  if (json) {
    printJson({ paths: ways, more });
    return;
  }
  for (const way of ways) print(way.map(oneLine).join(" → "));
  if (ways.length === 0) aside("no way leads there");
  if (more) aside("… and more; see --limit");
}

function showJson(
  targets: readonly ActionNode[],
  verdicts: ReadonlyMap<ActionNode, Verdict> | undefined,
): void {
  printJson(
    targets.map((node) => {
      const { op, outputs, resources } = node.declaration;
      return {
        target: node.id,
        outputs: Object.values(outputs).map(({ path }) => path),
        op: op.runtime === "python" ? op.name : op.module,
        runtime: op.runtime,
        lane: resources.gpu > 0 ? "gpu" : "cpu",
        ...(verdicts === undefined ? {} : { verdict: verdicts.get(node) }),
      };
    }),
  );
}

const aside = (text: string): void =>
  void process.stderr.write(`${standardOutput.colours.dim(text)}\n`);
