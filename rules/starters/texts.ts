import type { AnalysesRequest } from "../analyses.ts";

type Names = Pick<AnalysesRequest, "model" | "dataset"> & {
  readonly formats: readonly string[];
  readonly scopes: readonly string[];
};

const list = (names: readonly string[]): string =>
  `[${names.map((name) => `"${name}"`).join(", ")}]`;

export const aqmfileText = ({
  model,
  dataset,
  formats,
  scopes,
}: Names): string => `// What \`npx aqm build\` makes here. \`npx aqm build --dry-run\` says what it would run, and why.
import { build } from "aqm";
import { analyses } from "aqm/rules/analyses.ts";

export default build(
  analyses({
    // Names of configs: conf/<group>/<name>.yaml here, else in node_modules/aqm/conf.
    model: "${model}",
    dataset: "${dataset}",
    // Pairs of weight and activation formats, from conf/quant_pair.
    formats: ${list(formats)},
    // "lm" scores language layers on text; "all_layers" scores vision layers too, and takes images.
    scopes: ${list(scopes)},
    // "small", "medium" and "large" numbers of samples.
    sizes: ["small"],
  }),
);
`;

/** Results are committed with their records; what is big, made again at will, or a link to elsewhere is not. */
export const ignored = (links: readonly string[]) => ({
  path: ".gitignore",
  lines: [
    "node_modules/",
    "/.aqm/",
    "/tmp/",
    "/aqm.lock/tmp/",
    "/models/*/checkpoints/",
    "/datasets/*/images/",
    "/datasets/*-samples/",
    ...links.filter((link) => !link.startsWith("models/")).map((link) => `/${asPattern(link)}`),
  ],
});

/** What Git reads as this very path. */
const asPattern = (path: string): string => path.replaceAll(/[\\*?[\] ]/g, (found) => `\\${found}`);

export const ATTRIBUTES = { path: ".gitattributes", lines: ["aqm.lock/** -merge"] };

export const WORKFLOW = {
  path: ".github/workflows/aqm.yml",
  content: `# Are the committed results up to date? Needs no Python, no GPU and no model.
# npm ci must reach the tarball of aqm that package.json names: commit the file, or name a URL.
name: aqm
on: [push, pull_request]
jobs:
  check:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-node@v4
        with: { node-version: 22 }
      - run: npm ci --ignore-scripts
      - run: npx aqm build --dry-run --check
`,
};
