import { err, ok, type Result } from "./result.ts";

/** A managed region of a file that people write: what lies between two lines that mark it. */
export interface Region {
  /** Workspace-relative. */
  readonly file: string;
  readonly id: string;
}

/** `docs/README.md#runs`: how a region is named as an output and as a target. */
export const regionPath = ({ file, id }: Region): string => `${file}#${id}`;

export function regionOf(path: string): Region {
  const at = path.lastIndexOf("#");
  return { file: path.slice(0, Math.max(0, at)), id: path.slice(at + 1) };
}

/** The file that has to be looked at for an output. */
export const fileOf = ({ path, kind }: { readonly path: string; readonly kind: string }): string =>
  kind === "region" ? regionOf(path).file : path;

export const isRegionId = (id: string): boolean => /^[A-Za-z0-9][\w.-]*$/.test(id);

export const beginMarker = (id: string): string => `<!-- aqm:${id} begin -->`;
export const endMarker = (id: string): string => `<!-- aqm:${id} end -->`;

/** What a text has of a region. Offsets are of the content, without its markers. */
export type FoundRegion =
  | {
      readonly state: "there";
      readonly from: number;
      readonly to: number;
      readonly newline: string;
      /** With `\n` at the end of each line, even if the file has other line ends. */
      readonly content: string;
    }
  | { readonly state: "absent" }
  | { readonly state: "broken"; readonly problem: string };

interface Marker {
  readonly id: string;
  readonly begins: boolean;
  readonly line: number;
  /** Offset of the line, and of the one behind it. */
  readonly start: number;
  readonly next: number;
}

/** Finds a region, or says with line numbers what is wrong with its markers. */
export function findRegion(text: string, id: string): FoundRegion {
  const markers = markersOf(text);
  const own = markers.filter((marker) => marker.id === id);
  const [begin, end] = own;
  if (begin === undefined) return { state: "absent" };
  const broken = (problem: string): FoundRegion => ({ state: "broken", problem });
  const lines = own.map(({ line }) => line).join(", ");
  if (own.length > 2)
    return broken(`the markers of ${id} are there more than once (lines ${lines})`);
  if (end === undefined)
    return broken(
      `line ${begin.line} ${begin.begins ? "begins" : "ends"} the region ${id}, and nothing ${begin.begins ? "ends" : "begins"} it`,
    );
  if (begin.begins === end.begins)
    return broken(`the region ${id} ${begin.begins ? "begins" : "ends"} twice (lines ${lines})`);
  if (!begin.begins)
    return broken(`line ${begin.line} ends the region ${id} before line ${end.line} begins it`);
  const inside = markers.find(({ line }) => line > begin.line && line < end.line);
  if (inside !== undefined)
    return broken(`a marker of ${inside.id} (line ${inside.line}) lies in the region ${id}`);
  const around = enclosing(markers, begin);
  if (around !== undefined)
    return broken(`the region ${id} (line ${begin.line}) lies in the region ${around}`);
  const { next: from } = begin;
  const { start: to } = end;
  const newline = text.startsWith("\r\n", from - 2) ? "\r\n" : "\n";
  return { state: "there", from, to, newline, content: withPlainLines(text.slice(from, to)) };
}

/**
 * The text with other content in a region, every other character as it was. Where the markers are not there
 * yet, they are put at the end.
 *
 * @param content as `regionContent` gives it
 * @returns what is wrong with the markers
 */
export function fillRegion(text: string, id: string, content: string): Result<string, string> {
  const found = findRegion(text, id);
  if (found.state === "broken") return err(found.problem);
  if (found.state === "there") {
    const filled = content.replaceAll("\n", found.newline);
    return ok(text.slice(0, found.from) + filled + text.slice(found.to));
  }
  const newline = /\r?\n/.exec(text)?.[0] ?? "\n";
  const gap = text === "" ? "" : text.endsWith("\n") ? newline : newline + newline;
  const added = `${beginMarker(id)}\n${content}${endMarker(id)}\n`;
  return ok(text + gap + added.replaceAll("\n", newline));
}

/** What an op wrote, as it is kept and compared: plain line ends, one at the end; or why it cannot be. */
export function regionContent(written: string): Result<string, string> {
  const content = withPlainLines(written.endsWith("\n") ? written : `${written}\n`);
  if (isBlank(content)) return err("it is empty, so a made region would look like a missing one");
  const [marker] = markersOf(content);
  if (marker !== undefined)
    return err(`its line ${marker.line} is a marker of the region ${marker.id}`);
  return ok(content);
}

export const isBlank = (content: string): boolean => content.trim() === "";

const withPlainLines = (text: string): string => text.replace(/\r+\n/g, "\n");

const MARKER = /^[ \t]*<!--[ \t]*aqm:([A-Za-z0-9][\w.-]*)[ \t]+(begin|end)[ \t]*-->[ \t]*\r?$/;

function markersOf(text: string): readonly Marker[] {
  if (!text.includes("aqm:")) return [];
  const markers: Marker[] = [];
  let line = 1;
  for (let start = 0; start < text.length; line += 1) {
    const end = text.indexOf("\n", start);
    const next = end < 0 ? text.length : end + 1;
    const [, id, word] = MARKER.exec(text.slice(start, end < 0 ? next : end)) ?? [];
    if (id !== undefined) markers.push({ id, begins: word === "begin", line, start, next });
    start = next;
  }
  return markers;
}

/** The region that begins before a marker and ends behind it. */
function enclosing(markers: readonly Marker[], { id, line }: Marker): string | undefined {
  const before = markers.filter((marker) => marker.id !== id && marker.line < line);
  const last = before.findLast(
    (marker) =>
      marker.begins && !before.some((end) => end.id === marker.id && end.line > marker.line),
  );
  const closed = markers.some((end) => end.id === last?.id && !end.begins && end.line > line);
  return closed ? last?.id : undefined;
}
