/** Without what its kind says already. */
export const shortName = (name: string): string =>
  name.replace(/^model\./, "").replace(/^language_model\./, "");
