import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { MeasuredFrontier } from "../../src/analysis/quality/measured-frontier.ts";
import { KIND_SHAPES, SHAPES, shapePath } from "../../src/analysis/quality-page/marks.ts";
import {
  overlaps,
  placeLabel,
  spread,
  type Box,
} from "../../src/analysis/quality-page/label-places.ts";
import { logAxis } from "../../src/analysis/quality-page/plot.ts";
import { qualityPage, type QualityPage } from "../../src/analysis/quality-page/quality-page.ts";
import { madeUpFrontier } from "../analysis/measured-frontier-material.ts";

const SOURCES = [
  {
    what: "measured frontier",
    path: "models/made_up/measured-frontier.json",
    digest: `sha256:${"0".repeat(64)}`,
  },
];

const frontier = madeUpFrontier();
const made = qualityPage(frontier, SOURCES);
const textsOf = ({ page, frontier: picture, predicted }: QualityPage): readonly string[] => [
  page,
  picture,
  predicted,
];
const rowsOf = (page: string): readonly string[] =>
  page.match(/<tr data-kind=.*?<\/tr>/g)?.map((row) => row) ?? [];

describe("a page of measured quality", () => {
  it("has the answer before everything else, and a notice before the answer where weights are random", () => {
    const order = (page: string, ...parts: readonly string[]): void => {
      const places = parts.map((part) => page.indexOf(part));
      expect(places).not.toContain(-1);
      expect(places).toEqual(places.toSorted((a, b) => a - b));
    };
    order(made.page, "id=answer", "id=size", "id=predicted", "id=correlation", "id=plans-section");
    expect(made.page).not.toContain("class=notice");
    const random = qualityPage(madeUpFrontier({ weights: "random" }), SOURCES).page;
    order(random, "</header>", "class=notice", "show only that measuring works", "id=answer");
    expect(random).not.toContain("</span> proven");
    expect(random.split("<small>random weights</small>").length).toBeGreaterThan(
      2 * frontier.verdicts.length,
    );
  });

  it("has a row for every plan and recipe, each with its word", () => {
    const rows = rowsOf(made.page);
    expect(rows).toHaveLength(frontier.plans.length + frontier.recipes.length);
    for (const [n, { name }] of frontier.plans.entries()) {
      expect(rows[n]).toContain(`<th scope=row>${name}<td class="word`);
    }
    const solver = rows.filter((row) => row.startsWith("<tr data-kind=solver"));
    expect(solver.every((row) => row.includes("</span> proven"))).toBe(true);
    for (const { budget } of frontier.verdicts) {
      expect(made.page).toMatch(
        new RegExp(`<tr><th scope=row class=n>${budget.toFixed(1)}<td.*</span> proven`),
      );
    }
  });

  it("draws a mark for every plan, recipe and group, each with what it is", () => {
    const marks = (picture: string): number => picture.match(/<title>[^<]/g)?.length ?? 0;
    expect(marks(made.frontier)).toBe(frontier.plans.length + frontier.recipes.length);
    expect(marks(made.predicted)).toBe(frontier.plans.length + frontier.alone.length);
  });

  it("has the same bytes for the same data, and nothing of this machine or a network", () => {
    expect(qualityPage(frontier, SOURCES)).toEqual(made);
    for (const text of textsOf(made)) {
      expect(text).not.toContain(process.cwd());
      const addresses = text.match(/https?:[^"' ]+/g) ?? [];
      expect(addresses.filter((address) => address !== "http://www.w3.org/2000/svg")).toEqual([]);
      expect(text).not.toMatch(/NaN|undefined|Infinity/);
    }
  });

  it("shows names as they are, whatever is in them", () => {
    const name = `<b>"a"&'b'</script>\u2028`;
    const plans = frontier.plans.map((plan, n) => (n === 0 ? { ...plan, name } : plan));
    const [verdict, ...verdicts] = frontier.verdicts;
    if (verdict === undefined) throw new Error("the fixture has no verdict");
    const hostile: MeasuredFrontier = {
      ...frontier,
      name,
      model: name,
      size: name,
      environment: { [name]: name },
      scores: { engine: name, method: name },
      left_out: [{ control: name, because: name }],
      candidates: frontier.candidates.map((candidate) => ({ ...candidate, name })),
      plans,
      verdicts: [{ ...verdict, plan: name }, ...verdicts],
      recipes: frontier.recipes.map((recipe) => ({ ...recipe, name })),
      alone: frontier.alone.map((alone) => ({ ...alone, candidate: name, group: name })),
    };
    for (const text of textsOf(qualityPage(hostile, [{ what: name, path: name, digest: name }]))) {
      expect(text).not.toContain("<b>");
      expect(text).toContain("&lt;b&gt;&quot;a&quot;&amp;'b'&lt;/script&gt;");
      expect(text.match(/<\/script/g)?.length ?? 0).toBeLessThan(2);
    }
  });

  it("holds where there is little to show", () => {
    const [solver] = frontier.plans;
    if (solver === undefined) throw new Error("the fixture has no plan");
    const zero = { value: 0, low: 0, high: 0 };
    const bare: MeasuredFrontier = {
      ...frontier,
      whole_model: null,
      plans: [{ ...solver, kl: zero, predicted: 0, whole_model_bits: null }],
      verdicts: [],
      recipes: [],
      alone: [],
    };
    const { page, frontier: picture } = qualityPage(bare, []);
    expect(page).toContain("No plan was judged");
    expect(page).toContain("not judged");
    for (const text of [page, picture]) expect(text).not.toMatch(/NaN|undefined|Infinity/);
  });
});

describe("marks", () => {
  it("have another shape for each kind, so that colour is not needed", () => {
    const shapes = Object.values(KIND_SHAPES);
    expect(new Set(shapes).size).toBe(shapes.length);
    // A ring is a circle that is not filled.
    const paths = SHAPES.filter((shape) => shape !== "ring").map((shape) =>
      shapePath(shape, 10, 10, 4),
    );
    expect(new Set(paths).size).toBe(paths.length);
  });
});

describe("labels", () => {
  const plot: Box = { x: 0, y: 0, width: 900, height: 400 };
  const coordinate = fc.record({
    x: fc.integer({ min: 150, max: 750 }),
    y: fc.integer({ min: 60, max: 340 }),
  });

  it("cover neither each other nor a mark", () => {
    fc.assert(
      fc.property(fc.array(coordinate, { maxLength: 7 }), (points) => {
        const taken: Box[] = [];
        for (const point of points) placeLabel("INT8 SmoothQuant", point, plot, taken);
        expect(taken).toHaveLength(points.length);
        for (const [n, one] of taken.entries()) {
          for (const other of taken.slice(n + 1)) expect(overlaps(one, other)).toBe(false);
        }
      }),
    );
  });

  it("at the ends of lines keep apart, in the order of their lines", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 6 }), (wanted) => {
        const placed = spread(wanted, 17, 0, 400);
        const sorted = placed.toSorted((a, b) => a - b);
        for (const [n, height] of sorted.entries()) {
          expect(height - (sorted[n - 1] ?? height - 17)).toBeGreaterThanOrEqual(17);
          expect(height).toBeGreaterThanOrEqual(0);
          expect(height).toBeLessThanOrEqual(400);
        }
        for (const [n, a] of wanted.entries()) {
          for (const [m, b] of wanted.entries())
            if (a < b) expect(placed[n]).toBeLessThan(placed[m] ?? 0);
        }
      }),
    );
  });
});

describe("a logarithmic axis", () => {
  it("keeps every value inside and has at least two ticks", () => {
    const positive = fc.double({ min: 1e-9, max: 1e3, noNaN: true });
    fc.assert(
      fc.property(fc.array(positive, { minLength: 1, maxLength: 20 }), (values) => {
        const { place, ticks } = logAxis(values, 400, 0);
        expect(ticks.length).toBeGreaterThan(1);
        for (const value of values) {
          expect(place(value)).toBeGreaterThanOrEqual(0);
          expect(place(value)).toBeLessThanOrEqual(400);
        }
      }),
    );
  });

  it("has a place of its own for zeros", () => {
    const axis = logAxis([0, 1e-3, 1e-2], 400, 0);
    expect(axis.place(0)).toBe(400);
    expect(axis.zero).toBe(400);
    expect(axis.place(1e-3)).toBeLessThan(385);
    expect(logAxis([1e-3, 1e-2], 400, 0).zero).toBeNull();
  });
});
