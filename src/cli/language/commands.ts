import type { CommandSpec, OptionSpec } from "./arguments.ts";

const JSON_OPTION: OptionSpec = { name: "json", help: "Print data instead of text." };
const PYTHON_OPTION: OptionSpec = {
  name: "python",
  value: "[NAME=]PATH",
  many: true,
  help: "Use this interpreter for Python ops, or for those of environment NAME (again for others); it is checked.",
};
const LANE_OPTIONS: readonly OptionSpec[] = [
  {
    name: "jobs",
    short: "j",
    value: "N",
    help: "CPU actions at the same time (default: the processors).",
  },
  {
    name: "gpus",
    value: "IDS",
    help: "GPU devices to use, e.g. 0,1 (default: all that are visible).",
  },
  PYTHON_OPTION,
];

const LAYOUT_OPTION: OptionSpec = {
  name: "layout",
  value: "NAME",
  help: "publish: where the Aqmfile says (default); tmp: the same tree below tmp/.",
};
/** Another setting, at another place: of every command that takes targets of the graph. */
const VARIATION_OPTIONS: readonly OptionSpec[] = [
  {
    name: "set",
    value: "KEY=VALUE",
    many: true,
    help: "With another config value (group.key=value) or option (group=option); see aqm sweep.",
  },
  LAYOUT_OPTION,
];
const BUILD_OPTIONS: readonly OptionSpec[] = [
  {
    name: "dry-run",
    short: "n",
    help: "Say what would run, why, and what it will cost; change nothing.",
  },
  { name: "check", help: "With --dry-run: tell by the exit code, for CI." },
  {
    name: "verbose",
    short: "v",
    help: "List each target that is held up; with --dry-run every target, also what is fresh or adopted.",
  },
  {
    name: "force",
    help: "Fill regions of documents that were edited by hand; the edits are kept in .aqm/replaced.",
  },
  {
    name: "keep-going",
    short: "k",
    help: "After a failure, go on with what does not depend on it.",
  },
  ...LANE_OPTIONS,
  {
    name: "executor",
    value: "NAME",
    help: "slurm: Python ops run as Slurm jobs; local: none does (default: those whose rule says so).",
  },
  {
    name: "detach",
    help: "Submit Slurm jobs and do not wait; they go on, and the next build takes their results.",
  },
  {
    name: "max-gpu-hours",
    value: "H",
    help: "Run nothing if it may take more GPU time than that.",
  },
  {
    name: "reporter",
    value: "NAME",
    help: "tty, plain or json (default: tty on a terminal, else plain).",
  },
  { ...JSON_OPTION, help: "Events as lines of JSON; with --dry-run the plan as one document." },
];

/** Every command, as data: parsing, help and completion all come from here. */
export const COMMANDS: readonly CommandSpec[] = [
  {
    name: "init",
    usage: "--model DIR-OR-ID [options]",
    summary: "Makes this folder a workspace: an Aqmfile, and configs only where something differs.",
    description: [
      "Asks on a terminal for what no option says; with --yes it takes the defaults. A model is a folder",
      "with config.json, or an id on the hub (owner/name, with @COMMIT for a commit). Data is a file or a",
      "folder: text, JSON lines, Parquet, images with captions; without it, small samples that are made",
      "here. A file that is there already is not overwritten.",
      "",
      "Exit codes: 0 written, 2 something does not fit, and nothing was written.",
    ],
    options: [
      { name: "model", value: "DIR-OR-ID", help: "The model: a folder, or an id on the hub." },
      { name: "data", value: "FILE-OR-DIR", help: "The samples; without it, some are made here." },
      { name: "formats", value: "A,B", help: "Which formats, by the names of their configs." },
      { name: "scopes", value: "A,B", help: "Which layers: lm, all_layers." },
      { name: "yes", short: "y", help: "Ask nothing: take the default where no option says more." },
      { name: "force", help: "Overwrite files that are there." },
      JSON_OPTION,
    ],
    examples: [
      ["aqm init --yes --model ./checkpoint", "then `aqm build` makes the first report"],
      ["aqm init", "asks on a terminal"],
    ],
  },
  {
    name: "build",
    usage: "[targets…] [options]",
    summary: "Brings targets up to date, running only what is stale.",
    description: [
      "A target is a path that some rule makes: a file, a folder (everything in it), or a glob.",
      "Without targets, the defaults of the Aqmfile are built; with --rerun, what --rerun names.",
      "",
      "Exit codes: 0 done or fresh, 1 an action failed, 2 wrong usage or Aqmfile,",
      "13 more than --max-gpu-hours, 14 jobs go on after --detach, 130 interrupted.",
      "With --dry-run --check: 10 stale (cheap actions only), 11 stale (GPU needed), 12 inputs missing.",
    ],
    options: [
      ...VARIATION_OPTIONS,
      {
        name: "rerun",
        value: "TARGET",
        many: true,
        help: "Run this target although it is fresh: a file, folder or glob (again for more).",
      },
      ...BUILD_OPTIONS,
    ],
    examples: [
      ["aqm build models/qwen3_vl_tiny", "everything in that folder"],
      ["aqm build --dry-run 'models/**/*.md'", "which reports are stale, and why"],
      ["aqm build --dry-run --check", "in CI: is what is committed up to date?"],
      [
        "aqm build --set dataset.seed=7 models/qwen3_vl_tiny",
        "the same targets with another setting, below tmp/dataset.seed=7/",
      ],
      [
        "aqm build --rerun models/qwen3_vl_tiny/checkpoints/tiny models/qwen3_vl_tiny",
        "make the checkpoint once more; what is made from it runs only if its bytes changed",
      ],
    ],
  },
  {
    name: "sweep",
    usage: "key=values… [targets…] [options]",
    summary: "Builds every combination of coordinates and config values, in one build.",
    description: [
      "A key is an axis of the Aqmfile's grids (or its last word): its values, or patterns with *, narrow",
      "what is built. Or it is a config value, group.key, read by Hydra's grammar, or a group, whose option",
      "it chooses. What a changed config touches is a variant: it is made below tmp/<overrides>/, never over",
      "what is published; what it does not touch is shared. +group.key=value adds a key that the schema",
      "allows, ++ adds or changes, ~group.key removes; group/option.key=value is about one option alone.",
      "choice(a,b) and range(1,4) are sweeps. A word in quotes is text; \\ keeps a dot in a key.",
      "",
      "Without targets, a sweep over an axis builds all that has the named coordinates.",
    ],
    options: [LAYOUT_OPTION, ...BUILD_OPTIONS],
    examples: [
      [
        "aqm sweep model=qwen3_vl_tiny scope=lm dataset.size=small,large",
        "two values of two axes, for all values of the others",
      ],
      [
        "aqm sweep dataset.seed=7,8 'models/qwen3_vl_tiny/**'",
        "two variants of what a pattern matches",
      ],
      ["aqm sweep --dry-run model='qwen3_*' size=small", "which runs that is, and what is stale"],
    ],
  },
  {
    name: "why",
    usage: "TARGET… [options]",
    summary: "Says why targets are fresh or stale, with old and new values.",
    description: [
      "Follows the causes up to their roots: what changed, in which file or config value.",
    ],
    options: [...VARIATION_OPTIONS, JSON_OPTION],
    examples: [
      [
        "aqm why models/qwen3_vl_tiny",
        "everything that is stale in that folder, and the root causes",
      ],
    ],
  },
  {
    name: "verify",
    usage: "[targets…] [options]",
    summary:
      "Checks files against lock records, byte by byte; with --rerun makes them again and compares.",
    description: [
      "Reads every output in full, and every input that is here, and compares digests with the record,",
      "whose own seal and key are checked too. Needs no Python, no GPU and no network. Without targets,",
      "the defaults of the Aqmfile are verified. --rerun runs each action again in a stage, publishes",
      "nothing, and names the first value or byte that differs.",
      "",
      "Exit codes: 0 all is as recorded (a local output may be missing); 1 something is not, or could not",
      "be run again.",
    ],
    options: [
      ...VARIATION_OPTIONS,
      { name: "rerun", help: "Run the actions again and compare bytes; nothing is published." },
      ...LANE_OPTIONS,
      JSON_OPTION,
    ],
    examples: [
      ["aqm verify models/qwen3_vl_tiny", "is every file what its record says?"],
      ["aqm verify --rerun models/qwen3_vl_tiny", "does this machine make the same bytes?"],
    ],
  },
  {
    name: "watch",
    usage: "[targets…] [options]",
    summary: "Rebuilds while you edit; GPU work is shown as a debt, not started.",
    description: [
      "Watches the Aqmfile, rules, configs and sources of the given targets. Cheap stages are rebuilt",
      "at once. Actions on the GPU lane wait, listed with their expected cost, unless --gpu is given.",
      "With --serve, a browser shows the HTML outputs and the graph, and reloads what was made again;",
      "what is wrong is shown over the last good output. Only this machine can reach it.",
    ],
    options: [
      ...VARIATION_OPTIONS,
      { name: "gpu", help: "Run GPU actions too." },
      {
        name: "serve",
        value: "[PORT]",
        fallback: "0",
        help: "Show outputs and the graph in a browser on this machine; without PORT on any free one.",
      },
      ...LANE_OPTIONS,
      {
        name: "reporter",
        value: "NAME",
        help: "tty, plain or json (default: tty on a terminal, else plain).",
      },
    ],
    examples: [
      ["aqm watch models/qwen3_vl_tiny", "while changing the wording of a report"],
      ["aqm watch --serve 8080 models/qwen3_vl_tiny", "the same, with a page that reloads itself"],
    ],
  },
  {
    name: "list",
    usage: "[targets…] [options]",
    summary: "Lists targets: what can be built.",
    description: ["Without targets, everything that the Aqmfile declares."],
    options: [
      ...VARIATION_OPTIONS,
      { name: "sources", help: "List the source files that the targets need instead." },
      JSON_OPTION,
    ],
    examples: [["aqm list 'models/*/layer-analysis/**'", "everything that the pattern matches"]],
  },
  {
    name: "graph",
    usage: "[targets…] [options]",
    summary:
      "Shows targets, states, causes, cost and the critical path: as text, Mermaid or a page.",
    description: [
      "States and causes are those of a dry run; nothing is changed. The page is one file that needs no",
      "network; it folds by folder, grid coordinate, op, state or cause. The critical path is the chain",
      "of what is due that takes longest.",
    ],
    options: [
      ...VARIATION_OPTIONS,
      { name: "html", value: "FILE", help: "Write a page to this file; - is standard output." },
      { name: "mermaid", help: "Print a flow chart for Markdown; folded by op where it is large." },
      {
        name: "verbose",
        short: "v",
        help: "As text: also where many alike would be counted only.",
      },
      JSON_OPTION,
    ],
    examples: [
      ["aqm graph models/qwen3_vl_tiny", "what it is made from, and which parts are stale"],
      ["aqm graph --html graph.html .", "everything, as a page for the browser"],
    ],
  },
  {
    name: "query",
    usage: "deps|rdeps|paths|kind|stale [names…] [options]",
    summary: "Answers questions about the graph: deps, rdeps, paths between, by kind, stale.",
    description: [
      "deps TARGET…     what it is made from",
      "rdeps PATH…      what is made from a target, a source file, or an op's source file",
      "paths FROM TO    the ways along which one gets into the other",
      "kind NAME        the targets of an op, of a runtime (python, typescript) or of a lane (cpu, gpu)",
      "stale [TARGET…]  what is not fresh, as in a dry run",
    ],
    options: [
      ...VARIATION_OPTIONS,
      { name: "direct", help: "deps and rdeps: only what is one step away." },
      { name: "limit", value: "N", help: "At most so many answers (paths: 20 if not said)." },
      JSON_OPTION,
    ],
    examples: [
      ["aqm query rdeps rules/ops/markdown-report.ts", "what an edit of that file would touch"],
      ["aqm query kind gpu --json", "everything that needs a GPU, as data"],
    ],
  },
  {
    name: "clean",
    usage: "[targets…] [options]",
    summary: "Removes outputs, but only files that aqm wrote and that are unchanged since.",
    description: [
      "Records stay, so the next build restores what the store still has instead of running it.",
      "With --set or --layout tmp, only what lies below tmp/ is removed.",
    ],
    options: [
      ...VARIATION_OPTIONS,
      { name: "dry-run", short: "n", help: "Say what would be removed." },
      { name: "force", help: "Remove outputs that were changed by hand, too." },
      JSON_OPTION,
    ],
    examples: [["aqm clean models/qwen3_vl_tiny", "remove all that was built in that folder"]],
  },
  {
    name: "restore",
    usage: "[targets…] [options]",
    summary: "Puts back the outputs that records name and the store has, without running anything.",
    description: [
      "Each output of the targets becomes what its record says, local outputs too; without targets, all.",
      "What was in the place of an output and is of no record is kept in .aqm/replaced. Records are taken",
      "at their word: whether a target is stale is for `aqm build --dry-run` to say. Needs no Python,",
      "no GPU and no inputs.",
      "",
      "Exit codes: 0 every output that has a record is in place, 1 something could not be put back;",
      "with --dry-run the same of what would be.",
    ],
    options: [
      ...VARIATION_OPTIONS,
      { name: "dry-run", short: "n", help: "Say what would be put back; change nothing." },
      {
        name: "force",
        help: "Fill regions of documents that were edited by hand; the edits are kept in .aqm/replaced.",
      },
      JSON_OPTION,
    ],
    examples: [
      ["aqm restore models/qwen3_vl_tiny", "what was deleted or edited there, from the store"],
      ["aqm restore --dry-run", "which recorded outputs are not here, and which of them can be"],
    ],
  },
  {
    name: "diff",
    usage: "A [B] [options]",
    summary: "Says how two artifacts differ, in what they mean.",
    description: [
      "A and B are files, targets, or folders with one such file, here or elsewhere on the disk; or",
      "REF:PATH, as they are in a branch, tag or commit of Git. Without B, A is compared with what HEAD",
      "has. What can be compared, and how, is said by the comparers of the Aqmfile.",
      "",
      "Exit codes: 0 the same, 1 different, 2 they cannot be compared.",
    ],
    options: [
      {
        name: "with",
        value: "NAME=VALUE",
        many: true,
        help: "An option of the comparer; a wrong one gets the list of them.",
      },
      JSON_OPTION,
    ],
    examples: [
      ["aqm diff out/small out/large", "what is in two folders"],
      ["aqm diff main:out/small out/small", "a branch, and what is here"],
      ["aqm diff out/small/figures.json", "the last commit, and what is here"],
    ],
  },
  {
    name: "adopt",
    usage: "FOLDER [targets…] [options]",
    summary: "Takes over artifacts that already exist, so that they need not be made again.",
    description: [
      "Looks below FOLDER for what the adopters of the Aqmfile recognise, compares it with what is",
      "declared, copies what fits to its place and records it with a grade: verified, consistent (nothing",
      "contradicts, but not all can be known) or asserted (on your word). It stays fresh until something",
      "changes that is known about it. Nothing below FOLDER is changed.",
      "",
      "Exit codes: 0 all was adopted, 1 something was refused or nothing found, 2 wrong usage.",
    ],
    options: [
      { name: "dry-run", short: "n", help: "Say what would be adopted, and how far it fits." },
      {
        name: "because",
        value: "REASON",
        help: "Adopt what contradicts the declaration, too, and record why.",
      },
      { name: "force", help: "Replace other content and results of runs; what was there is kept." },
      JSON_OPTION,
    ],
    examples: [
      ["aqm adopt --dry-run ../published", "what fits, what is unknown, what contradicts"],
      ["aqm adopt ../published models/qwen3_vl_4b_instruct", "only what is for these targets"],
    ],
  },
  {
    name: "reproduce",
    usage: "TARGET --against FOLDER [options]",
    summary: "Makes what a folder of published files holds, compares, and writes a page about it.",
    description: [
      "FOLDER mirrors TARGET, or the workspace: a copy of the repository, or a part of it. Files in it are",
      "matched with targets by their places, else by what the adopters of the Aqmfile recognise. Exactly",
      "these targets are built, and each is compared with the published one: by a comparer of the Aqmfile,",
      "else as text worked out from what agrees, else by bytes. The page says what agrees, what does not and",
      "how much, what was not compared, what both sides were made with, and what is likely the reason. Texts",
      "need the lock records in FOLDER or beside it.",
      "",
      "Exit codes: 0 all agree, 1 some do not, 2 it could not be done, 13 more than --max-gpu-hours,",
      "130 interrupted. With --dry-run: 0 something was matched.",
    ],
    options: [
      { name: "against", value: "FOLDER", help: "The folder of published files." },
      {
        name: "page",
        value: "FILE",
        help: "Write the page there (default: reproduction-NAME.html in the workspace).",
      },
      {
        name: "dry-run",
        short: "n",
        help: "Say what was matched, what would run and what it will cost; change nothing.",
      },
      ...LANE_OPTIONS,
      {
        name: "max-gpu-hours",
        value: "H",
        help: "Run nothing if it may take more GPU time than that.",
      },
      {
        name: "reporter",
        value: "NAME",
        help: "tty or plain, for the build (default: tty on a terminal, else plain).",
      },
      { ...JSON_OPTION, help: "One document instead of text; the page is written as well." },
    ],
    examples: [
      [
        "aqm reproduce --dry-run models/qwen3_vl_4b_instruct --against ../published",
        "what of it can be made here, and what that takes",
      ],
      [
        "aqm reproduce models/qwen3_vl_4b_instruct --against ../published --page report.html",
        "make it, compare, and write the page",
      ],
    ],
  },
  {
    name: "gc",
    usage: "[options]",
    summary: "Removes old results from the store, least recently used first.",
    description: [
      "The store keeps results, so that going back to an earlier state is a copy instead of a run. A",
      "build keeps it below AQM_STORE_SIZE (20 GB without it) by itself. What a lock record of the",
      "workspace, or of any Git branch, tag or remote-tracking branch points to is never removed, even",
      "if that alone is larger. Partial results, which resumable actions continue from, may take a tenth of",
      "the bound beside the store.",
    ],
    options: [
      { name: "dry-run", short: "n", help: "Say what would be removed." },
      {
        name: "max-size",
        value: "SIZE",
        help: "The bound, e.g. 500MB or 2TiB; 0 keeps only what lock records point to.",
      },
      JSON_OPTION,
    ],
    examples: [
      ["aqm gc --dry-run", "what would go, and how much is kept for which reason"],
      ["aqm gc --max-size 5GB", "free space now"],
    ],
  },
  {
    name: "cache",
    usage: "status | push [targets…] [options]",
    summary: "Says which cache is shared and whether it answers; gives it results.",
    description: [
      "A build takes results from the shared cache, and gives it those that it makes where the mode is",
      "write, by itself. `status` says which cache that is, who named it, which login it gets and whether",
      "it answers. `push` gives what is fresh here and is not there: what a build could not give in time,",
      "or what was made before the cache was shared.",
      "",
      "AQM_CACHE_SHARED names a folder or an address, or says off; AQM_CACHE_MODE is read or write.",
      "",
      "Exit codes: 0 it answers, or all was given; 1 not.",
    ],
    options: [JSON_OPTION],
    examples: [
      ["aqm cache status", "is it there, and may I write?"],
      ["AQM_CACHE_MODE=write aqm cache push models/a", "share what is here already"],
    ],
  },
  {
    name: "lock",
    usage: "resolve [targets…] [options]",
    summary: "Settles merge conflicts in lock records by asking the keys.",
    description: [
      "After a merge in which both sides built the same target: the side whose key is what the workspace",
      "asks for now is kept. If neither is, the record is removed and the target counts as never built.",
      "Nothing is run. Settle conflicts in sources and configs first.",
      "",
      "Exit codes: 0 settled or nothing to settle; with --check 1 while a record has a conflict.",
    ],
    options: [{ name: "check", help: "Say what would be decided; change nothing." }, JSON_OPTION],
    examples: [
      ["aqm lock resolve", "after a merge, before `git add --all aqm.lock`"],
      ["aqm lock resolve --check", "in CI: was a conflict committed?"],
    ],
  },
  {
    name: "environment",
    usage: "[NAME…] [options]",
    summary: "Makes the Python environments ahead of time and prints their interpreters.",
    description: [
      "A build does this by itself when it first needs one. Environments are made from hashed lock",
      "files, in a cache that all your workspaces share (AQM_CACHE, else ~/.cache/aqm).",
    ],
    options: [PYTHON_OPTION, JSON_OPTION],
    examples: [["aqm environment", "make every environment that the Aqmfile uses"]],
  },
  {
    name: "doctor",
    usage: "[options]",
    summary: "Says what this machine lacks for builds, and the command that mends it.",
    description: [
      "Looks at Node, Python, pip, GPUs, driver, CUDA compiler, caches, disks, locks and credentials. It",
      "changes nothing, asks no network, and says of a credential only whether it is there. A note costs",
      "time at most.",
      "",
      "Exit codes: 0 no problem, 1 a problem.",
    ],
    options: [JSON_OPTION],
    examples: [["aqm doctor", "before the first build, or when an environment cannot be made"]],
  },
  {
    name: "explain",
    usage: "[CODE…] [options]",
    summary: "Explains the reason of a failure: what it means, its usual cause, the next step.",
    description: ["Codes are the `reason` of failures in `--json`. Without one, all are listed."],
    options: [JSON_OPTION],
    examples: [["aqm explain input_missing", "what it means, and what to do"]],
  },
  {
    name: "completion",
    usage: "bash|zsh|fish",
    summary: "Prints a completion script for your shell.",
    description: [
      "For bash: source <(npx aqm completion bash). Targets are completed from the Aqmfile, after aqm and",
      "after npx aqm, which takes longer; other calls of npx are completed as they were.",
    ],
    options: [],
    examples: [["source <(npx aqm completion bash)", "complete commands, options and targets"]],
  },
];

export function overviewText(version: string): string {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length)) + 2;
  return [
    `aqm ${version}: an incremental build graph for reproducible artifacts; reruns only what is stale.`,
    "",
    "  aqm COMMAND [targets…] [options]",
    "",
    "Commands",
    ...COMMANDS.map(({ name, summary }) => `  ${name.padEnd(width)}${summary}`),
    "",
    "  aqm COMMAND --help    options and examples of a command",
    "  aqm --version         the version",
    "",
    "Start with `aqm list` (what can be built) and `aqm build --dry-run` (what is stale, and why).",
    "",
  ].join("\n");
}
