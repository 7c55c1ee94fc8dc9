import type { ActionNode } from "../../graph/graph.ts";
import type { WantedAction } from "../../model/adoption.ts";

/** A declared action as adopters see it. */
export function wantedOf({ id, declaration, inputs }: ActionNode): WantedAction {
  const { op, params, outputs } = declaration;
  return {
    target: id,
    op: op.runtime === "python" ? op.name : op.module,
    params,
    inputs: Object.fromEntries(
      inputs.map(({ role, path, producer, alias }) => [
        role,
        {
          path,
          producer: producer === null ? null : producer.action.id,
          ...(alias === undefined ? {} : { alias }),
        },
      ]),
    ),
    outputs: Object.fromEntries(Object.entries(outputs).map(([role, { path }]) => [role, path])),
  };
}
