import { transform } from "esbuild";

/** Text → what was found in it: a watch asks after each edit, mostly about unchanged texts. */
const known = new Map<string, number | null>();

/**
 * The number in `export const version = 1;`. Read from the text as the compiler prints it: without comments,
 * with no line break inside a string, and with everything but top-level statements indented. So neither a
 * comment nor a string that has such a line can be taken for it.
 */
export async function typescriptVersion(text: string): Promise<number | null> {
  const found = known.get(text);
  if (found !== undefined) return found;
  const { code } = await transform(text, {
    loader: "ts",
    legalComments: "none",
    supported: { "template-literal": false },
    logLevel: "silent",
  });
  const version = /^export const version = (\d+)[;,]/m.exec(code)?.[1];
  const answer = version === undefined ? null : Number(version);
  known.set(text, answer);
  return answer;
}
