/** The text of a file, as it is. */
declare module "*?raw" {
  const text: string;
  export default text;
}

/** A module and its imports as one script for a browser. */
declare module "*?script" {
  const text: string;
  export default text;
}
