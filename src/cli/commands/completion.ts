import { EXIT } from "../../model/failure.ts";
import type { Arguments } from "../language/arguments.ts";
import { COMMANDS } from "../language/commands.ts";
import { QUESTION_NAMES } from "../language/questions.ts";
import { optionValues } from "../session/option-values.ts";
import { openSession } from "../session/session.ts";
import { print, printFailures } from "../terminal/terminal.ts";
import { oneLine } from "../../ui/escape.ts";

/**
 * A shell runs what is put on its line once Enter is pressed, so names are quoted, and the words that are handed over
 * are without quotes. zsh and fish quote what they insert; bash does not, and with `-o filenames` only in part.
 * `npx aqm …` asks the aqm that npx would run, and never installs one; any other call of npx is completed as before.
 */
const SCRIPTS: Readonly<Record<string, string>> = {
  bash: String.raw`_aqm_ask() {
  local word line words=() first=$1
  for word in "${"$"}{COMP_WORDS[@]:first:COMP_CWORD-first+1}"; do
    word=${"$"}{word#[\"\']}
    words+=("${"$"}{word//\\/}")
  done
  COMPREPLY=()
  while IFS= read -r line; do COMPREPLY+=("$(printf %q "$line")"); done < <("${"$"}{@:2}" __complete "${"$"}{words[@]}" 2>/dev/null)
  [[ ${"$"}{COMPREPLY[0]-} == *[/=] ]] && compopt -o nospace 2>/dev/null
}
_aqm() { _aqm_ask 1 aqm; }
_aqm_npx() {
  local at=1
  while [[ ${"$"}{COMP_WORDS[at]-} == -* ]]; do ((at++)); done
  if [[ ${"$"}{COMP_WORDS[at]-} == aqm ]] && ((COMP_CWORD > at)); then
    _aqm_ask $((at + 1)) npx --no-install aqm
  elif [[ -n ${"$"}{_aqm_npx_before-} ]]; then
    "$_aqm_npx_before" "$@"
  else
    COMPREPLY=()
    [[ $COMP_CWORD == "$at" && aqm == "${"$"}{COMP_WORDS[at]-}"* ]] && COMPREPLY=(aqm)
  fi
}
[[ $(complete -p npx 2>/dev/null) =~ -F\ ([^\ ]+) && ${"$"}{BASH_REMATCH[1]} != _aqm_npx ]] && _aqm_npx_before=${"$"}{BASH_REMATCH[1]}
complete -F _aqm aqm
complete -o default -F _aqm_npx npx`,
  zsh: String.raw`#compdef aqm
_aqm_ask() {
  local -a found
  local first=$1
  shift
  found=("${"$"}{(@f)$("$@" __complete "${"$"}{(@Q)words[first,CURRENT]}" 2>/dev/null)}")
  compadd -S '' -- "${"$"}{found[@]}"
}
_aqm() { _aqm_ask 2 aqm }
_aqm_npx() {
  local at=2
  while [[ $words[at] == -* ]]; do ((at++)); done
  if [[ $words[at] == aqm ]] && ((CURRENT > at)); then
    _aqm_ask $((at + 1)) npx --no-install aqm
  elif [[ -n ${"$"}{_aqm_npx_before-} ]]; then
    $_aqm_npx_before "$@"
  else
    ((CURRENT == at)) && compadd aqm
    _files
  fi
}
[[ -n $_comps[npx] && $_comps[npx] != _aqm_npx ]] && _aqm_npx_before=$_comps[npx]
compdef _aqm aqm
compdef _aqm_npx npx`,
  fish: String.raw`complete -c aqm -f -a '(aqm __complete (commandline -opc)[2..] (commandline -ct | string unescape) 2>/dev/null)'
function __aqm_npx_words
  set -l words (commandline -opc)[2..]
  while string match -q -- '-*' "$words[1]"
    set -e words[1]
  end
  test "$words[1]" = aqm; and printf '%s\n' $words
end
complete -c npx -n 'string length -q -- (__aqm_npx_words)' -f -a '(npx --no-install aqm __complete (__aqm_npx_words)[2..] (commandline -ct | string unescape) 2>/dev/null)'`,
};

export function run(args: Arguments): Promise<number> {
  const script = SCRIPTS[args.targets[0] ?? ""];
  if (script === undefined) {
    printFailures([
      {
        reason: "usage",
        message: `aqm completion knows ${Object.keys(SCRIPTS).join(", ")}`,
        nextStep: "For example: source <(npx aqm completion bash)",
      },
    ]);
    return Promise.resolve(EXIT.usage);
  }
  print(script);
  return Promise.resolve(EXIT.done);
}

/**
 * Prints what the last word could become: commands, options, values of options, or targets one folder level at a time.
 * bash hands over `a=b` as three words, of which only the last is replaced: what stands before is not printed.
 */
export async function complete(given: readonly string[]): Promise<number> {
  const { words, before } = withEqualSigns(given);
  const current = words.at(-1) ?? "";
  const spec = COMMANDS.find(({ name }) => name === words[0]);
  if (words.length < 2 || spec === undefined) {
    for (const { name } of COMMANDS) if (name.startsWith(current)) print(name);
    return EXIT.done;
  }
  const [option, value] = optionAt(words);
  const values = spec.options.some(({ name }) => option === `--${name}`)
    ? await optionValues(option)
    : null;
  if (values !== null) {
    const start = current.slice(0, current.length - value.length);
    for (const one of values)
      if (one.startsWith(value) && one === oneLine(one))
        print(`${start}${one}`.slice(before.length));
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

/** The words as a person typed them, and how much of the last one the shell keeps by itself. */
function withEqualSigns(given: readonly string[]): { words: readonly string[]; before: string } {
  const words: string[] = [];
  let before = "";
  given.forEach((word, at) => {
    const last = words.at(-1);
    const joins = last !== undefined && at > 0 && (word === "=" || given[at - 1] === "=");
    before = !joins ? "" : word === "=" ? `${last}=` : last;
    if (joins) words[words.length - 1] = last + word;
    else words.push(word);
  });
  return { words, before };
}

/** The option whose value the last word is, and that value as far as it goes: `--set a` or `--set=a`. */
function optionAt(words: readonly string[]): readonly [option: string, value: string] {
  const current = words.at(-1) ?? "";
  const [, option = words.at(-2) ?? "", value = current] =
    /^(--[a-z-]+)=(.*)$/s.exec(current) ?? [];
  return [option, value];
}
