import * as fs from "node:fs";
import { join } from "node:path";
import { REPOSITORY } from "./folder.ts";
import { heightOf, roomOf, type Wing } from "./order.ts";
import type { SourceFile } from "./sources.ts";

/** The rooms that a README says its room may import; null where there is no README, or no such line. */
function namedIn(folder: string): readonly string[] | null {
  const path = join(REPOSITORY, folder, "README.md");
  if (!fs.existsSync(path)) return null;
  const line = /^May import: (.*)\.$/m.exec(fs.readFileSync(path, "utf8"))?.[1];
  if (line === undefined) return null;
  return line === "nothing" ? [] : [...line.matchAll(/`([^`]+)`/g)].map(([, room = ""]) => room);
}

/** What is wrong with the READMEs of a wing's rooms, and how to mend it; nothing when all is right. */
export function readmeProblems(wing: Wing, files: readonly SourceFile[]): readonly string[] {
  const rooms = wing.rows.flat().filter((room) => room !== "." && !room.endsWith(".ts"));
  return rooms.flatMap((room) => {
    const readme = `${wing.folder}/${room}/README.md`;
    const named = namedIn(`${wing.folder}/${room}`);
    if (named === null) return [`${readme} is not there, or has no line "May import: …."`];
    const upwards = named.filter((other) => !isLower(wing, other, room));
    const own = files.filter(({ path }) => roomOf(wing, path) === room);
    const used = own.flatMap(({ imports }) => imports.flatMap((to) => roomOf(wing, to) ?? []));
    const unnamed = [...new Set(used)].filter((to) => to !== room && !named.includes(to));
    return [
      ...upwards.map((other) => `${readme} names ${other}, which is not below ${room}`),
      ...unnamed.map((other) => `${readme} does not name ${other}, which ${room} imports`),
    ];
  });
}

const isLower = (wing: Wing, room: string, than: string): boolean =>
  heightOf(wing, room) >= 0 && heightOf(wing, room) < heightOf(wing, than);
