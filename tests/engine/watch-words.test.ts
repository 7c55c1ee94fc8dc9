import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { nextStepWhileWatching, whileWatching } from "../../src/ui/watch-words.ts";
import { REPOSITORY } from "./support/folder.ts";

/* What `aqm watch` says of a failure: the command runs already. */

it("asks for a saved file where a build asks for the same command", () => {
  const failure = {
    reason: "aqmfile_syntax",
    message: "no",
    nextStep: "Correct it and run the same command again; nothing was changed.",
  } as const;
  expect(whileWatching({ type: "failure", failure })).toEqual({
    type: "failure",
    failure: { ...failure, nextStep: "Correct it and save it; nothing was changed." },
  });
  expect(nextStepWhileWatching("Nothing was recorded; run the same command again.")).toBe(
    "Nothing was recorded; save a watched file to try again.",
  );
});

it("does so for each text of the sources", () => {
  const folder = join(REPOSITORY, "src");
  const texts = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.endsWith("watch-words.ts"))
    .flatMap(
      (name) =>
        readFileSync(join(folder, name), "utf8").match(/[^"`\n]*run the same command[^"`\n]*/gi) ??
        [],
    );
  expect(texts.length).toBeGreaterThan(10);
  for (const text of texts) expect(nextStepWhileWatching(text)).not.toMatch(/same command/i);
});
