import * as fs from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { secretsOf, withoutSecrets } from "../../src/model/secrets.ts";
import { REPOSITORY } from "./support/folder.ts";

/** The table is that of Python, too: python/tests/test_secrets.py. */
const { variables, texts } = JSON.parse(
  fs.readFileSync(join(REPOSITORY, "tests/fixtures/secrets.json"), "utf8"),
) as {
  readonly variables: Readonly<Record<string, string>>;
  readonly texts: readonly (readonly [string, string])[];
};

describe("what is shown of credentials", () => {
  it.each(texts)("%j", (text, shown) => {
    expect(withoutSecrets(text, secretsOf(variables))).toBe(shown);
  });

  it("is nothing more the second time", () => {
    for (const [, shown] of texts) expect(withoutSecrets(shown, secretsOf(variables))).toBe(shown);
  });
});
