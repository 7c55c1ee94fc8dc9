import { expect, it } from "vitest";
import { servedAs } from "../../src/analysis/formats/served-forms.ts";
import { SERVED } from "../../src/analysis/formats/served.ts";
import { formatsPage } from "../../src/analysis/page/formats-page.ts";
import { PAIRS } from "../analysis/configs.ts";

const page = formatsPage(PAIRS);

it("has a row for each pair, with what serves it, and needs nothing but itself", () => {
  const [, table = ""] = page.split("<section id=pairs");
  const rows = (table.split("</section>")[0] ?? "").split("<tr>").slice(1);
  const names = rows.flatMap((row) => /<th scope=row>([^<]+)/.exec(row)?.[1] ?? []);
  expect(names).toEqual(PAIRS.map(({ name }) => name));
  for (const { name, quantizers } of PAIRS) {
    const row = rows.find((each) => each.includes(`<th scope=row>${name}<`)) ?? "";
    expect(row.includes("<strong>vLLM")).toBe(servedAs(quantizers) !== null);
  }
  expect(page).not.toMatch(/(?:src|href)="?https?:/);
});

it("shows every answer, says that GPUs are invented, and makes the same bytes again", () => {
  expect(page).toContain("GPUs are invented");
  expect(page).toContain("Nothing was run");
  const [, answers = ""] = page.split("<section id=answers");
  expect((answers.split("</section>")[0] ?? "").match(/<th scope=row>/g)).toHaveLength(
    SERVED.forms.length,
  );
  expect(formatsPage(PAIRS)).toBe(page);
});
