// `.oxlintrc.json` from ESLint's configuration, so that both have the same rules: written, or with --check
// compared. oxlint takes a tenth of ESLint's time; docs/testing.md says which command runs which.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ESLint } from "eslint";
import prettier from "prettier";
import configuration from "../eslint.config.js";

const root = fileURLToPath(new URL("..", import.meta.url));
process.chdir(root);
const FILE = ".oxlintrc.json";

/** Rules that oxlint does not have. ESLint alone finds what they find. */
const NOT_IN_OXLINT = ["@typescript-eslint/no-unsafe-class-instance-assignment"];

const known = JSON.parse(
  execFileSync("npx", ["oxlint", "--rules", "--format", "json"], {
    encoding: "utf8",
    maxBuffer: 1e8,
  }),
);
const { rules } = await new ESLint().calculateConfigForFile("src/index.ts");
const translated = {};
for (const [name, [severity, ...options]] of Object.entries(rules).sort()) {
  if (severity === 0 || NOT_IN_OXLINT.includes(name)) continue;
  const value = name.replace("@typescript-eslint/", "");
  // Rules that typescript-eslint has extended are ESLint's own in oxlint.
  const scope = ["typescript", "eslint"].find((scope) =>
    known.some((rule) => rule.scope === scope && rule.value === value),
  );
  if (scope === undefined) throw new Error(`oxlint has no rule ${name}: add it to NOT_IN_OXLINT`);
  translated[`${scope}/${value}`] = options.length === 0 ? "error" : ["error", ...options];
}
const document = {
  $schema: "./node_modules/oxlint/configuration_schema.json",
  plugins: ["typescript"],
  categories: { correctness: "off" },
  rules: translated,
  ignorePatterns: configuration.flatMap(({ ignores = [] }) => ignores),
};
const text = await prettier.format(JSON.stringify(document), {
  ...(await prettier.resolveConfig(FILE)),
  filepath: FILE,
});

if (!process.argv.includes("--check")) writeFileSync(FILE, text);
else if (readFileSync(FILE, "utf8") !== text) {
  console.error(`${FILE} is not what eslint.config.js says: run node scripts/oxlint-rules.mjs`);
  process.exit(1);
}
