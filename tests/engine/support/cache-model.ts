import * as fc from "fast-check";
import { expect } from "vitest";
import { digestOfBytes, type Digest } from "../../../src/model/digest.ts";
import type { ResultCache } from "../../../src/ports.ts";
import { Folder } from "./folder.ts";
import { madeResult, outputAt, type MadeResult, type Output } from "./shared-results.ts";

/** A cache under test, and how its bytes get damaged behind its back. */
export interface CacheUnderTest {
  /** Opens it as another command would, which knows nothing of earlier ones. */
  readonly open: () => ResultCache;
  /** Does this to the bytes of a file's content. */
  readonly damage: (digest: Digest, how: "lost" | "cut" | "other") => void;
}

/** Few texts and names, so that results share contents and are put again. */
const text = fc.constantFrom("", "a", "b", "a longer text\n".repeat(20), "[]", '[["x","y"]]', "ü");
const output: fc.Arbitrary<Output> = fc.oneof(
  text,
  fc.dictionary(fc.constantFrom("a.txt", "b/c.bin", "b/d"), text, { minKeys: 1, maxKeys: 3 }),
);
const step = fc.oneof(
  fc.record({ put: fc.integer({ min: 0, max: 3 }) }),
  fc.record({ ask: fc.integer({ min: 0, max: 3 }) }),
  fc.record({ damaged: text, how: fc.constantFrom("lost", "cut", "other" as const) }),
);

/**
 * Plays steps on a cache and on a model of it: a map of results, a map of contents, and the contents that were
 * damaged. A cache never answers with anything but what was put, and has all that was put and not damaged.
 */
export async function holdAgainstModel(
  make: (folder: Folder) => CacheUnderTest,
  runs: number,
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.dictionary(fc.constantFrom("x", "y"), output, { minKeys: 1 }), {
        minLength: 4,
        maxLength: 4,
      }),
      fc.array(step, { minLength: 1, maxLength: 12 }),
      async (shapes, steps) => {
        const folder = new Folder();
        const under = make(folder);
        const made = shapes.map((outputs, index) => ({
          outputs,
          ...madeResult(folder, `result-${index}`, outputs),
        }));
        const put = new Set<MadeResult>();
        const damaged = new Set<Digest>();
        let count = 0;
        for (const one of steps) {
          if ("put" in one) {
            const result = made[one.put];
            if (result === undefined) continue;
            // A cache may believe that what is damaged is there; then what was put is not whole.
            expect(await under.open().put(result.record, result.contents)).toBe(true);
            put.add(result);
          } else if ("damaged" in one) {
            const digest = digestOfBytes(one.damaged);
            const there = [...put].some(({ contents }) =>
              contents.some(({ files }) => files.some((file) => file.digest === digest)),
            );
            if (!there || (one.damaged === "" && one.how === "cut")) continue;
            under.damage(digest, one.how);
            damaged.add(digest);
          } else {
            const result = made[one.ask];
            if (result === undefined) continue;
            count += 1;
            await ask(under.open(), result, put.has(result), damaged, folder.at(`got-${count}`));
          }
        }
      },
    ),
    { numRuns: runs },
  );
}

async function ask(
  cache: ResultCache,
  {
    record,
    contents,
    outputs,
  }: MadeResult & { readonly outputs: Readonly<Record<string, Output>> },
  wasPut: boolean,
  damaged: ReadonlySet<Digest>,
  target: string,
): Promise<void> {
  const { key } = record;
  const found = await cache.results([{ target: record.target, key }]);
  expect(found.get(key)).toEqual(wasPut ? record : undefined);
  const there = await cache.has(contents.map(({ digest }) => digest));
  for (const [index, [role, wanted]] of Object.entries(outputs).entries()) {
    const content = contents[index];
    if (content === undefined) throw new Error(`${role} has no content`);
    const isWhole = content.files.every(({ digest }) => !damaged.has(digest));
    const place = `${target}-${role}`;
    const taken = await cache.get(content.digest, content.kind, place);
    // What is taken is right, whatever happened; what was put and is whole is taken.
    if (taken === "taken") expect(outputAt(place)).toEqual(wanted);
    if (wasPut && isWhole) expect([taken, there.has(content.digest)]).toEqual(["taken", true]);
  }
}
