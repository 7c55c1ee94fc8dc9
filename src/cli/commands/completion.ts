import { EXIT } from "../../model/failure.ts";
import type { Arguments } from "../language/arguments.ts";
import { COMMANDS } from "../language/commands.ts";
import { QUESTION_NAMES } from "../language/questions.ts";
import { openSession } from "../session/session.ts";
import { print, printFailures } from "../terminal/terminal.ts";
import { oneLine } from "../../ui/escape.ts";

/**
 * A shell runs what is put on its line once Enter is pressed, so names are quoted, and the words that are handed over
 * are without quotes. zsh and fish quote what they insert; bash does not, and with `-o filenames` only in part.
 */
const SCRIPTS: Readonly<Record<string, string>> = {
  bash: String.raw`_aqm() {
  local word line words=()
  for word in "${"$"}{COMP_WORDS[@]:1:COMP_CWORD}"; do
    word=${"$"}{word#[\"\']}
    words+=("${"$"}{word//\\/}")
  done
  COMPREPLY=()
  while IFS= read -r line; do COMPREPLY+=("$(printf %q "$line")"); done < <(aqm __complete "${"$"}{words[@]}" 2>/dev/null)
  [[ ${"$"}{COMPREPLY[0]} == */ ]] && compopt -o nospace 2>/dev/null
}
complete -F _aqm aqm`,
  zsh: String.raw`#compdef aqm
_aqm() {
  local -a found
  found=("${"$"}{(@f)$(aqm __complete "${"$"}{(@Q)words[2,CURRENT]}" 2>/dev/null)}")
  compadd -S '' -- "${"$"}{found[@]}"
}
compdef _aqm aqm`,
  fish: String.raw`complete -c aqm -f -a '(aqm __complete (commandline -opc)[2..] (commandline -ct | string unescape) 2>/dev/null)'`,
};

export function run(args: Arguments): Promise<number> {
  const script = SCRIPTS[args.targets[0] ?? ""];
  if (script === undefined) {
    printFailures([
      {
        reason: "usage",
        message: `aqm completion knows ${Object.keys(SCRIPTS).join(", ")}`,
        nextStep: "For example: source <(aqm completion bash)",
      },
    ]);
    return Promise.resolve(EXIT.usage);
  }
  print(script);
  return Promise.resolve(EXIT.done);
}

/** Prints what the last word could become: commands, options, or targets one folder level at a time. */
export async function complete(words: readonly string[]): Promise<number> {
  const current = words.at(-1) ?? "";
  const spec = COMMANDS.find(({ name }) => name === words[0]);
  if (words.length < 2 || spec === undefined) {
    for (const { name } of COMMANDS) if (name.startsWith(current)) print(name);
    return EXIT.done;
  }
  if (current.startsWith("-")) {
    for (const { name } of spec.options) if (`--${name}`.startsWith(current)) print(`--${name}`);
    return EXIT.done;
  }
  if (spec.name === "query" && words.length === 2) {
    for (const name of QUESTION_NAMES) if (name.startsWith(current)) print(name);
    return EXIT.done;
  }
  const session = await openSession({ targets: ["."] });
  if (!session.ok) return EXIT.usage;
  const found = new Set<string>();
  for (const path of session.value.aqmfile.graph.byOutput.keys()) {
    if (!path.startsWith(current) || path !== oneLine(path)) continue; // shells complete lines
    const end = path.indexOf("/", current.length);
    found.add(end < 0 ? path : path.slice(0, end + 1));
  }
  for (const path of [...found].sort()) print(path);
  return EXIT.done;
}
