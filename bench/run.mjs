import { existsSync, mkdtempSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { CASES, Graphs } from "./cases.mjs";
import { describeMachine } from "./machine.mjs";
import { verdictTable } from "./table.mjs";
import { findTools, TOOLS } from "./tools.mjs";
import { Workspaces } from "./workspaces.mjs";

const HELP = `npm run bench [-- OPTIONS]

Builds the same graph with aqm and its peers, alternating them, and prints medians and ratios.

  --cases LIST      ${Object.keys(CASES).join(",")} (all)
  --sizes LIST      sources of the graph (1000,10000,100000)
  --tools LIST      ${TOOLS.map(({ name }) => name).join(",")} (all that install)
  --rounds N        counted runs of each (7)
  --budget SECONDS  slower tools are left out or run less often (300)
  --bytes N         size of the checkpoint to hash (8e9)
  --jobs N          parallel steps (the number of cores)
  --folder PATH     where the workspaces are made; kept afterwards (a temporary folder, removed)
  --markdown FILE   writes the results there, between its marks if it has them
`;

const BEGIN = "<!-- results: begin -->";
const END = "<!-- results: end -->";

const { values } = parseArgs({
  options: {
    cases: { type: "string", default: Object.keys(CASES).join(",") },
    sizes: { type: "string", default: "1000,10000,100000" },
    tools: { type: "string", default: TOOLS.map(({ name }) => name).join(",") },
    rounds: { type: "string", default: "7" },
    budget: { type: "string", default: "300" },
    bytes: { type: "string", default: "8e9" },
    jobs: { type: "string", default: String(availableParallelism()) },
    folder: { type: "string" },
    markdown: { type: "string" },
    help: { type: "boolean", short: "h" },
  },
});

async function main() {
  const wanted = known("case", list(values.cases), Object.keys(CASES));
  const names = known(
    "tool",
    list(values.tools),
    TOOLS.map(({ name }) => name),
  );
  const sizes = list(values.sizes)
    .map((text) => wholeNumber("sizes", text))
    .sort((a, b) => a - b);
  const say = (/** @type {string} */ line) => process.stderr.write(`${line}\n`);
  const folder = realpathSync(
    values.folder === undefined
      ? mkdtempSync(join(tmpdir(), "aqm-bench-"))
      : resolve(values.folder),
  );
  const budgetSeconds = wholeNumber("budget", values.budget);
  const jobs = wholeNumber("jobs", values.jobs);
  const { found: tools, skipped } = findTools(names, say);
  const machine = describeMachine(folder, tools);
  if (machine.warning !== null) say(machine.warning);
  const workspaces = new Workspaces({ folder, jobs, budgetSeconds, say });
  const bench = {
    folder,
    tools,
    sizes,
    jobs,
    workspaces,
    say,
    budgetSeconds,
    rounds: wholeNumber("rounds", values.rounds),
    bytes: wholeNumber("bytes", values.bytes),
  };
  const graphs = new Graphs(bench);
  try {
    const chosen = Object.entries(CASES).filter(([name]) => wanted.includes(name));
    const reports = chosen.map(([name, run]) => attempt(name, () => run(bench, graphs)));
    const verdicts = reports.flatMap((report) => report.verdicts);
    const text = [
      `Command: \`npm run bench${process.argv.length > 2 ? ` -- ${process.argv.slice(2).join(" ")}` : ""}\``,
      machine.lines.map((line) => `- ${line}`).join("\n"),
      ...(machine.warning === null ? [] : [`**${machine.warning}**`]),
      ...skipped.map(({ name, reason }) => `${name} is left out: ${reason}.`),
      ...(verdicts.length === 0 ? [] : [verdictTable(verdicts)]),
      ...reports
        .flatMap(({ sections }) => sections)
        .flatMap(({ title, table, notes }) => [`### ${capital(title)}`, table, ...notes]),
    ].join("\n\n");
    process.stdout.write(`${text}\n`);
    if (values.markdown !== undefined) await writeMarkdown(values.markdown, text);
  } finally {
    if (values.folder === undefined) workspaces.remove();
  }
}

/**
 * @param {string} path
 * @param {string} text
 */
async function writeMarkdown(path, text) {
  const before = existsSync(path) ? readFileSync(path, "utf8") : `${BEGIN}\n${END}\n`;
  const begin = before.indexOf(BEGIN);
  const end = before.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`${path} has no ${BEGIN} … ${END} to fill`);
  const page = `${before.slice(0, begin)}${BEGIN}\n\n${text}\n\n${before.slice(end)}`;
  const { format } = await import("prettier");
  writeFileSync(path, await format(page, { parser: "markdown", printWidth: 100 }));
}

/**
 * A case that cannot be measured must not take the others with it.
 * @param {string} name
 * @param {() => import("./cases.mjs").Report} run
 */
function attempt(name, run) {
  try {
    return run();
  } catch (error) {
    process.exitCode = 1;
    const table = error instanceof Error ? error.message : String(error);
    return {
      verdicts: [],
      sections: [{ title: `${name} could not be measured`, table, notes: [] }],
    };
  }
}

/** @param {string} text */
const list = (text) =>
  text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");

/** @param {string} text */
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/**
 * @param {string} what
 * @param {string[]} given
 * @param {readonly string[]} choices
 */
function known(what, given, choices) {
  const wrong = given.find((name) => !choices.includes(name));
  if (wrong === undefined) return given;
  throw new Error(`there is no ${what} ${wrong}; there are: ${choices.join(", ")}`);
}

/**
 * @param {string} option
 * @param {string} text
 */
function wholeNumber(option, text) {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new Error(`--${option} takes whole numbers above zero, not ${text}`);
}

if (values.help === true) process.stdout.write(HELP);
else await main();
