import { afterEach, expect, it } from "vitest";
import { runToEnd, startProcess, type ChildProcess } from "../../src/host/process/process.ts";
import { Folder } from "./support/folder.ts";

/* A process that is started while another one tells something has nothing of that one. */

let child: ChildProcess | null = null;
afterEach(() => child?.kill());

/** Does something as soon as a process with a variable of its own says a word. */
async function whileItTells<Outcome>(does: () => Promise<Outcome>): Promise<Outcome> {
  const folder = new Folder();
  const started = await startProcess({
    command: "/bin/sh",
    args: ["-c", "echo told >&3; read end"],
    cwd: folder.path,
    env: { OF_THE_OTHER: "theirs" },
    log: folder.at("log"),
  });
  child = started;
  return new Promise((resolve, reject) => {
    started.events.once("data", () => void does().then(resolve, reject));
  });
}

const print = (): ReturnType<typeof runToEnd> =>
  runToEnd("/bin/sh", ["-c", "echo ${OF_THE_OTHER-ours}"]);

it("prints for itself alone, with our variables", async () => {
  const printed = await whileItTells(async () => [await print(), await print(), await print()]);
  expect(printed.map(({ stdout }) => stdout)).toEqual(["ours\n", "ours\n", "ours\n"]);
});

it("prints for itself alone beside others, too", async () => {
  const printed = await whileItTells(() => Promise.all([print(), print(), print()]));
  expect(printed.map(({ stdout }) => stdout)).toEqual(["ours\n", "ours\n", "ours\n"]);
});
