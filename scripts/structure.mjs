// What a folder of TypeScript is made of: rooms (its folders), which of them import which, circles of
// files and of rooms, the longest files. `node scripts/structure.mjs [FOLDER]` (default: src),
// `--root CHECKOUT` for another checkout, `--json` for programs. Imports are read as the test of the
// layers reads them, types included.
import { build } from "esbuild";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const repository = fileURLToPath(new URL("..", import.meta.url));
const { values: options, positionals } = parseArgs({
  options: { root: { type: "string" }, json: { type: "boolean" } },
  allowPositionals: true,
});
const root = resolve(options.root ?? repository);
const folder = (positionals[0] ?? "src").replace(/\/$/, "");

/** A test's support code; packages stay outside, so it lies where they are found. */
async function load(name) {
  const outfile = join(repository, ".aqm/structure", `${name}.mjs`);
  await build({
    entryPoints: [join(repository, "tests/engine/support", `${name}.ts`)],
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
    packages: "external",
    logLevel: "warning",
  });
  return import(pathToFileURL(outfile).href);
}

const LONGEST = 10;
const lineCount = (text) => text.split("\n").length - 1;

/** Of any language, by falling length. */
function longestBelow(below, extension) {
  const found = [];
  const open = [below];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    for (const name of readdirSync(join(root, path))) {
      const inside = `${path}/${name}`;
      if (statSync(join(root, inside)).isDirectory()) open.push(inside);
      else if (name.endsWith(extension))
        found.push({ path: inside, lines: lineCount(readFileSync(join(root, inside), "utf8")) });
    }
  }
  return found.sort((a, b) => b.lines - a.lines || (a.path < b.path ? -1 : 1)).slice(0, LONGEST);
}

const { sourcesBelow } = await load("sources");
const { fileArrows, knots, roomArrows } = await load("arrows");
const files = sourcesBelow(root, folder);
const between = roomArrows(files);
const fileKnots = knots(fileArrows(files));
const roomKnots = knots(between);
const inRoom = (room) => files.filter(({ path }) => path === `${room}/${basename(path)}`);
const rooms = [...between]
  .map(([room, imports]) => ({
    room,
    files: inRoom(room).length,
    lines: inRoom(room).reduce((sum, { text }) => sum + lineCount(text), 0),
    imports: [...imports].sort(),
  }))
  .sort((a, b) => (a.room < b.room ? -1 : 1));
const arrowCount = (arrows) => [...arrows.values()].reduce((sum, { size }) => sum + size, 0);
const report = {
  folder,
  files: files.length,
  file_arrows: arrowCount(fileArrows(files)),
  rooms,
  room_arrows: arrowCount(between),
  circles_of_files: fileKnots,
  circles_of_rooms: roomKnots,
  longest: longestBelow(folder, ".ts"),
  longest_python: longestBelow("python/aqm_runner", ".py"),
};

if (options.json) console.log(JSON.stringify(report, null, 2));
else print(report);

function print({ longest, longest_python, ...counted }) {
  const name = (room) => (room === folder ? "." : room.slice(folder.length + 1));
  table(
    ["room", "files", "lines", "imports"],
    rooms.map(({ room, files: count, lines, imports }) => [
      name(room),
      count,
      lines,
      imports.map(name).join(", "),
    ]),
  );
  console.log(
    `\n${folder}: ${counted.files} files with ${counted.file_arrows} arrows, ${rooms.length} rooms with ${counted.room_arrows} arrows\n`,
  );
  circles("files", fileKnots);
  circles("rooms", roomKnots);
  for (const [title, list] of Object.entries({ TypeScript: longest, Python: longest_python })) {
    console.log(`\nLongest files, ${title}:\n`);
    table(
      ["lines", "file"],
      list.map(({ path, lines }) => [lines, path]),
    );
  }
}

function circles(of, found) {
  console.log(`Circles of ${of}: ${found.length === 0 ? "none" : ""}`);
  for (const { members, circle } of found)
    console.log(`- ${members.length} ${of}, for instance ${circle.join(" → ")}`);
}

function table(titles, rows) {
  const cells = [titles, ...rows].map((row) => row.map(String));
  const widths = titles.map((_, at) => Math.max(3, ...cells.map((row) => row[at].length)));
  // The last column is not padded: a long list of imports would stretch all other lines.
  const line = (row) =>
    `| ${row.map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(widths[at]))).join(" | ")} |`;
  const [head, ...body] = cells;
  console.log([line(head), line(widths.map(() => "---")), ...body.map(line)].join("\n"));
}
