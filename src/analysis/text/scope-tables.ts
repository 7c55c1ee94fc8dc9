/** Which layers may be quantized, in the words of a heading. */
const SCOPES: Readonly<Record<string, string>> = {
  lm: "Language layers alone may be quantized",
  all_layers: "Vision and language layers may be quantized",
};

/**
 * A table for each scope: bits of one scope are not to be compared with those of another, since they are averages over
 * other layers, or over layers of which some have to keep 16 bits. Rows of one scope are one table, without a heading.
 *
 * @param bits what the column of bits means in a scope
 */
export function scopeTables<Row extends { readonly scope: string }>(
  rows: readonly Row[],
  tableOf: (rows: readonly Row[]) => string | null,
  bits: (scope: string) => string,
): string {
  const scopes = [...new Set(rows.map(({ scope }) => scope))];
  const tables = scopes.flatMap((scope) => {
    const table = tableOf(rows.filter((row) => row.scope === scope));
    const heading = `**${SCOPES[scope] ?? `Scope ${scope}`}.** ${bits(scope)}`;
    return table === null || table === "" ? [] : [{ heading, table }];
  });
  return tables
    .map(({ heading, table }) => (tables.length > 1 ? `${heading}\n\n${table}` : table))
    .join("\n\n");
}
