import type { RecordedSetting } from "aqm";

/** What of a document's fields says with what it was measured, and what that is in words. */
const MADE_WITH: readonly (readonly [field: RegExp, what: (name: string) => string])[] = [
  [/^(?:aqm\.)?environment\.device_kind$/, () => "kind of device"],
  [/^(?:aqm\.)?environment\.attention$/, () => "attention"],
  [/^(?:aqm\.)?environment\.dtype$/, () => "data type of the model"],
  [/^(?:aqm\.)?environment\.(\w+)$/, (name) => `version of ${name}`],
  [/^(?:aqm\.)?engine$/, () => "engine"],
  [/^model\.id$/, () => "model"],
  [/^dataset\.(name|captions_path|vlm_calib_db|size)$/, (name) => `data: ${name}`],
  [/^aqm\.raw_scores\.loss$/, () => "loss"],
  [
    /^(?:dataset|measured|aqm\.raw_scores)\.(\w*(?:samples|batches|tokens|batch_size|seq_len|sequence_length))$/,
    (name) => `amount of data: ${name}`,
  ],
];

/** One field of both documents, in words; the last part of its name where nothing better is known. */
function settingOf(
  field: string,
  published: string | null,
  made: string | null,
): RecordedSetting & { readonly known: boolean } {
  for (const [pattern, what] of MADE_WITH) {
    const found = pattern.exec(field);
    if (found !== null)
      return {
        what: what((found[1] ?? "").replaceAll("_", " ")),
        field,
        published,
        made,
        known: true,
      };
  }
  return { what: `setting ${field}`, field, published, made, known: false };
}

/** Sets the settings of two documents side by side. */
export function recordedSettings(
  published: ReadonlyMap<string, string>,
  made: ReadonlyMap<string, string>,
): { readonly reasons: readonly RecordedSetting[]; readonly madeWith: readonly RecordedSetting[] } {
  const fields = [...new Set([...made.keys(), ...published.keys()])];
  const settings = fields.map((field) =>
    settingOf(field, published.get(field) ?? null, made.get(field) ?? null),
  );
  const plain = ({ what, field, published: a, made: b }: RecordedSetting): RecordedSetting => ({
    what,
    field,
    published: a,
    made: b,
  });
  const differing = settings.filter((one) => one.published !== one.made);
  return {
    // Versions, devices and data first: of settings there are many.
    reasons: [
      ...differing.filter(({ known }) => known),
      ...differing.filter(({ known }) => !known),
    ].map(plain),
    madeWith: settings.filter(({ known }) => known).map(plain),
  };
}
