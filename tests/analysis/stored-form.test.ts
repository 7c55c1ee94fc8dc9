import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { applyGranularity } from "../../src/analysis/formats/granularity.ts";
import { EXPORT_FORMATS } from "../../src/analysis/schemes/scheme.ts";
import { storedForm, whyUnfit } from "../../src/analysis/schemes/stored-form.ts";
import { REPOSITORY } from "../engine/support/folder.ts";
import { GRANULARITIES, PAIRS, pair } from "./configs.ts";

describe("how a layer is stored", () => {
  const SHAPE = { rows: 258, columns: 384 };

  // python/tests/test_stored_forms.py holds these figures against the forms that exports are read back by.
  it("is the same for a predicted size as for a folder that is read back", async () => {
    const figures = PAIRS.flatMap(({ name, quantizers }) =>
      GRANULARITIES.flatMap((granularity) => {
        const merged = applyGranularity(quantizers, granularity);
        if (!merged.ok) return [];
        const forms = EXPORT_FORMATS.map((format) => {
          const stored = storedForm(merged.value, format);
          if ("because" in stored) return [format, null] as const;
          const { block, rows, bytes } = stored.form;
          return [format, { block, rows, bytes: bytes(SHAPE) }] as const;
        });
        const of = { pair: name, granularity: granularity.name, ...merged.value };
        return [{ ...of, shape: [SHAPE.rows, SHAPE.columns], ...Object.fromEntries(forms) }];
      }),
    );
    expect(figures.length).toBeGreaterThan(PAIRS.length);
    const lines = figures.map((figure) => `  ${JSON.stringify(figure)}`).join(",\n");
    const file = join(REPOSITORY, "tests/fixtures/stored-forms.json");
    await expect(`[\n${lines}\n]\n`).toMatchFileSnapshot(file);
  });

  it("is refused with the reason where an export format has no form for a pair", () => {
    const stored = storedForm(pair("wfp8_aint8").quantizers, "compressed_tensors");
    expect(stored).toEqual({
      because: expect.stringContaining("int8 with a scale a tensor") as string,
    });
  });

  it("takes weights whose rows and columns its blocks divide", () => {
    const stored = storedForm(pair("wint4_afp16").quantizers, "modelopt");
    if (!("form" in stored)) throw new Error(stored.because);
    expect(whyUnfit(stored.form, { rows: 2, columns: 256 })).toBeNull();
    expect(whyUnfit(stored.form, { rows: 2, columns: 3420 })).toContain("3420 columns");
    expect(whyUnfit(stored.form, { rows: 3, columns: 256 })).toContain("3 rows");
  });
});
