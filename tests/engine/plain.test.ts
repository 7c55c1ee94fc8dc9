import { expect, it } from "vitest";
import type { BuildEvent } from "../../src/model/event.ts";
import { plainReporter } from "../../src/ui/plain.ts";
import { NO_COLOURS } from "../../src/ui/reporter.ts";

/** What the plain view says of a batch that starts. */
function startOf(members: number): readonly string[] {
  const targets = Array.from({ length: members }, (_, index) => `plan${index}`);
  const shared = {
    op: "measure",
    lane: "cpu",
    devices: [],
    log: "log",
    expectedSeconds: null,
  } as const;
  const batch = "plan0";
  const events: readonly BuildEvent[] = [
    { type: "batch_started", batch, targets, ...shared },
    ...targets.map((target): BuildEvent => ({
      type: "action_started",
      ...{ target, batch, causes: [{ kind: "never_built" }], ...shared },
    })),
  ];
  const lines: string[] = [];
  const write = (text: string): void => void lines.push(...text.trimEnd().split("\n"));
  const reporter = plainReporter({ write, columns: () => 80, colours: NO_COLOURS }, () => 0);
  for (const event of events) reporter.report(event);
  return lines.map((line) => line.trim());
}

it("names the members of a small batch", () => {
  expect(startOf(3)).toEqual(["run      3 actions together measure", "plan0", "plan1", "plan2"]);
});

it("names the first members of a batch of hundreds, and says so", () => {
  const lines = startOf(240);
  expect(lines.slice(0, 3)).toEqual([
    "run      240 actions together measure",
    "of which the first 10 are",
    "plan0",
  ]);
  expect(lines).toHaveLength(12);
});

it("says once what is done to make an environment, and a count again only when it has grown", () => {
  let seconds = 0;
  const lines: string[] = [];
  const write = (text: string): void => void lines.push(text.trim());
  const output = { write, columns: () => 80, colours: NO_COLOURS };
  const reporter = plainReporter(output, () => 1000 * seconds);
  const install = (done: number): void =>
    reporter.report({
      ...{ type: "environment", name: "py", state: "preparing", message: "installing packages" },
      ...{ done, total: 92 },
    });
  for (; seconds < 40; seconds += 1) install(0);
  for (; seconds < 55; seconds += 1) install(seconds);
  expect(lines).toEqual([
    "prepare  Python environment py: installing packages (0 of 92)",
    "prepare  Python environment py: installing packages (40 of 92)",
    "prepare  Python environment py: installing packages (50 of 92)",
  ]);
});
