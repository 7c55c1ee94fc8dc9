import { action, committed, typescriptOp, type DeclaredAction, type Input } from "aqm";

const pageOp = typescriptOp<typeof import("./ops/quality-page.ts")>(
  "aqm/rules/ops/quality-page.ts",
);
const markdownOp = typescriptOp<typeof import("./ops/quality-markdown.ts")>(
  "aqm/rules/ops/quality-markdown.ts",
);

export interface ShownFrontier {
  /** Where the files go. */
  readonly folder: string;
  /** `measured-frontier.json`. */
  readonly frontier: Input;
}

/** What people read of a measured frontier: an offline page, its pictures, and Markdown. */
export function qualityPages({ folder, frontier }: ShownFrontier): readonly DeclaredAction[] {
  const files = {
    page: "quality.html",
    frontier: "quality-frontier.svg",
    predicted: "quality-predicted.svg",
  } as const;
  const page = action({
    op: pageOp,
    params: {},
    inputs: { frontier },
    outputs: {
      page: committed(`${folder}/${files.page}`),
      frontier: committed(`${folder}/${files.frontier}`),
      predicted: committed(`${folder}/${files.predicted}`),
    },
  });
  const report = action({
    op: markdownOp,
    params: { files },
    inputs: { frontier },
    outputs: { report: committed(`${folder}/quality.md`) },
  });
  return [page, report];
}
