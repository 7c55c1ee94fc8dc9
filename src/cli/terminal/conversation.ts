import { createInterface } from "node:readline";

/** How a conversation ended before all was said: Ctrl-C, or Ctrl-D and the end of what is typed. */
export type LeftBy = "interrupt" | "end";

/** Questions at a terminal, one after the other. */
export interface Conversation {
  /** The line that a person typed; null once they left. */
  readonly ask: (prompt: string) => Promise<string | null>;
  /** What `work` resolves to; null where a person leaves before. */
  readonly during: <T>(work: Promise<T>) => Promise<T | null>;
  readonly leftBy: () => LeftBy | null;
  readonly close: () => void;
}

/**
 * Begins a conversation at this process's terminal. Lines that are typed ahead, or pasted, answer the questions that
 * come later. `node:readline/promises` loses these, and never settles a question that Ctrl-C or Ctrl-D ends.
 */
export function converse(): Conversation {
  const terminal = createInterface({
    input: process.stdin,
    output: process.stdout,
    historySize: 0,
  });
  const typed: string[] = [];
  let leftBy: LeftBy | null = null;
  let wake: () => void = () => undefined;
  terminal.on("line", (line) => {
    typed.push(line);
    wake();
  });
  terminal.on("SIGINT", () => {
    leftBy = "interrupt";
    terminal.close();
  });
  terminal.on("close", () => {
    leftBy ??= "end";
    process.stdout.write("\n");
    wake();
  });
  const woken = (): Promise<void> => new Promise((resolve) => (wake = resolve));
  return {
    ask: async (prompt) => {
      if (leftBy === null) {
        terminal.setPrompt(prompt);
        terminal.prompt();
      }
      while (typed.length === 0 && leftBy === null) await woken();
      return leftBy === "interrupt" ? null : (typed.shift() ?? null);
    },
    during: (work) => {
      const left = (async (): Promise<null> => {
        while (leftBy !== "interrupt") await woken();
        return null;
      })();
      return Promise.race([work, left]);
    },
    leftBy: () => leftBy,
    close: () => {
      terminal.removeAllListeners("close");
      terminal.close();
      process.stdin.unref();
    },
  };
}
