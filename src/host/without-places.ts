import * as fs from "node:fs";
import { homedir, tmpdir } from "node:os";

/**
 * Data to be shown to anybody, without the places of this machine in its texts: those of `named` become the names
 * given, a home, cache or temporary folder becomes `~`, `CACHE` or `TMP`.
 *
 * @param data plain data, as JSON has it
 * @param named absolute folders, and what each is called
 */
export function withoutPlaces<T>(data: T, named: readonly (readonly [string, string])[]): T {
  const cache = [process.env["AQM_CACHE"], process.env["XDG_CACHE_HOME"]];
  const places = [
    ...named,
    ...cache.map((place) => [place ?? "", "CACHE"] as const),
    [tmpdir(), "TMP"] as const,
    [home(), "~"] as const,
  ].flatMap(([place, name]) =>
    [...new Set([place, real(place)])].map((one) => [one, name] as const),
  );
  const known = places
    .map(([place, name]) => [place.replace(/\/+$/, ""), name] as const)
    .filter(([place]) => place.startsWith("/"))
    .toSorted(([a], [b]) => b.length - a.length);
  const told = (text: string): string =>
    known.reduce(
      (shown, [place, name]) =>
        shown.replace(
          new RegExp(`${place.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}(?![\\w.-])`, "g"),
          () => name,
        ),
      text,
    );
  return JSON.parse(
    JSON.stringify(data, (_key, value: unknown) =>
      typeof value === "string" ? told(value) : value,
    ),
  ) as T;
}

function home(): string {
  try {
    return homedir();
  } catch {
    return ""; // a user whom the system does not know
  }
}

const real = (place: string): string => (fs.existsSync(place) ? fs.realpathSync(place) : place);
