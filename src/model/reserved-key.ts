/** Names that every JavaScript object has by birth: as keys of a config they would be read as something else. */
export const isReservedKey = (name: string): boolean =>
  name === "__proto__" || name === "constructor";
