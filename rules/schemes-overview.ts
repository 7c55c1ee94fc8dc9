import {
  action,
  committed,
  file,
  ifThere,
  region,
  typescriptOp,
  type Declared,
  type Input,
} from "aqm";
import type { ModelConfig, OutputLayoutConfig, SchemeConfig, Scope, Size } from "./configs.ts";
import { frontierFolder } from "./quality.ts";
import { exportInputs, type SchemeOfReport } from "./scheme-inputs.ts";
import type { SchemesOverviewParams } from "./translate/schemes-overview.ts";

const pageOp = typescriptOp<typeof import("./ops/schemes-page.ts")>(
  "aqm/rules/ops/schemes-page.ts",
);
const tableOp = typescriptOp<typeof import("./ops/schemes-table.ts")>(
  "aqm/rules/ops/schemes-table.ts",
);

export interface SchemesOverviewCell {
  readonly model: ModelConfig;
  readonly layout: OutputLayoutConfig;
  readonly tensors: Input;
  /** All schemes that the Aqmfile gives to the model, in its order. */
  readonly schemes: readonly { readonly config: SchemeConfig; readonly made: SchemeOfReport }[];
  /** Names of frontiers that the model may have at a scope and size. */
  readonly measured: (scope: Scope, size: Size) => readonly string[];
}

/**
 * All schemes of a model on one page, and in a table of its README. They show what is there: nothing is chosen,
 * measured, exported or asked for their sake, so that a README never starts a GPU.
 */
export function schemesOverview(cell: SchemesOverviewCell): Declared {
  const { model, layout, schemes } = cell;
  if (schemes.length === 0) return [];
  const folder = `${layout.root}/${model.name}`;
  const files = { page: "schemes.html", picture: "schemes.svg", document: "schemes.md" };
  const documents = documentsOf(cell);
  const frontiers = frontiersOf(cell, folder);
  const exports = schemes.map(({ made }, n) =>
    exportInputs(`s${n}`, made, [...new Set(made.statuses.map(({ device }) => device))]),
  );
  const evaluations = schemes.flatMap(({ made: { results } }, n) =>
    results === undefined
      ? []
      : [[`s${n}_evaluation`, ifThere(file(`${results.folder}/evaluation.json`))] as const],
  );
  const page = action({
    op: pageOp,
    params: {
      model: model.name,
      schemes: documents.schemes.map((scheme, n) => ({
        ...scheme,
        exports: exports[n]?.params ?? [],
      })),
      frontiers: Object.keys(frontiers),
      files: { page: files.page, picture: files.picture },
    },
    inputs: {
      ...documents.inputs,
      ...frontiers,
      ...Object.fromEntries(evaluations),
      ...Object.fromEntries(exports.flatMap(({ inputs }) => Object.entries(inputs))),
    },
    outputs: {
      report: committed(`${folder}/${files.document}`),
      json: committed(`${folder}/schemes.json`),
      page: committed(`${folder}/${files.page}`),
      picture: committed(`${folder}/${files.picture}`),
    },
  });
  const table = action({
    op: tableOp,
    params: {
      model: model.name,
      schemes: documents.schemes,
      frontiers: [],
      files,
      commands: [
        `npx aqm build '${folder}/quantized/**/quality.json'    # choose and measure all of them`,
        `npx aqm build ${folder}/${files.document} ${folder}/README.md    # makes the page and this table again`,
      ],
    },
    inputs: documents.inputs,
    outputs: { table: region(`${folder}/README.md`, "schemes") },
  });
  return [page, table];
}

/** Choices and measured figures of all schemes, if they are there, without their exports. */
function documentsOf({ model, layout, tensors, schemes }: SchemesOverviewCell): {
  readonly inputs: Readonly<Record<string, Input>>;
  readonly schemes: SchemesOverviewParams["schemes"];
} {
  const inputs: Record<string, Input> = { tensors: ifThere(tensors) };
  const shown = schemes.map(({ config, made: { results, skipped } }, n) => {
    const role = `s${n}`;
    if (results !== undefined) {
      inputs[`${role}_scheme`] = ifThere(results.document);
      inputs[`${role}_quality`] = ifThere(results.quality);
      if (config.search !== undefined)
        inputs[`${role}_search`] = ifThere(file(`${results.folder}/search.json`));
    }
    const { name, folder = name, choice, scope, size, lm_head, candidates = [] } = config;
    return {
      role,
      name,
      target: `${layout.root}/${model.name}/quantized/${folder}`,
      asked: { choice, scope, size, lm_head, candidates },
      because: results === undefined ? (skipped ?? "it cannot be made") : null,
      exports: [],
    };
  });
  return { inputs, schemes: shown };
}

/** Frontiers of the scopes and sizes that schemes have. */
function frontiersOf(
  { model, schemes, measured }: SchemesOverviewCell,
  folder: string,
): Readonly<Record<string, Input>> {
  const cells = new Map(
    schemes.map(({ config: { scope, size } }) => [`${scope}_${size}`, { scope, size }] as const),
  );
  return Object.fromEntries(
    [...cells.values()].flatMap(({ scope, size }) =>
      measured(scope, size).map((name) => {
        const of = frontierFolder(folder, { model, config: { name }, scope, size });
        return [
          `frontier_${name}_${scope}_${size}`,
          ifThere(file(`${of}/measured-frontier.json`)),
        ] as const;
      }),
    ),
  );
}
