import * as fs from "node:fs";
import { delimiter, dirname, join } from "node:path";

/*
 * Stands in for the driver's own tool, as a real program on the path that prints what the real one printed on one
 * H200 (driver 580.159), with `nvidia-smi --query-gpu=index,uuid,pci.bus_id,memory.used,memory.free,compute_mode`
 * while a process held 60 GB:
 *
 *   0, GPU-b547183f-e6fc-4cb2-d959-32599765fa4e, 00000000:00:06.0, 61967, 81188, Default
 *   GPU-b547183f-e6fc-4cb2-d959-32599765fa4e, 486, 61958, python3
 */
const UUIDS = [
  "GPU-b547183f-e6fc-4cb2-d959-32599765fa4e",
  "GPU-6c5b2540-488f-36e3-4191-aee34876b08c",
  "GPU-9f8ef07c-c5ea-f7b9-d59b-e435df11653c",
  "GPU-2d5f6ad1-7a0c-4b0e-8f0e-3c1b6e1e6f52",
];
const ROOM = 143_155;

export interface Shown {
  /** Who computes on it; memory in MiB. */
  readonly by?: readonly { readonly pid: number; readonly used: number | string }[];
  /** Memory of processes that the tool does not show. */
  readonly hidden?: number;
  readonly mode?: "Default" | "Exclusive_Process" | "Prohibited";
  /** Of all that processes can have. */
  readonly room?: number;
}

/** What the tool prints of devices: theirs, and their processes'. */
export function printed(devices: readonly Shown[]): { devices: string; processes: string } {
  const of = ({ by = [], hidden = 0 }: Shown): number =>
    by.reduce((sum, { used }) => sum + (typeof used === "number" ? used + 9 : 0), hidden);
  const lines = devices.map(({ mode = "Default", room = ROOM, ...device }, index) => {
    const [used, bus] = [of(device), `00000000:00:0${index + 6}.0`];
    return `${index}, ${UUIDS[index] ?? ""}, ${bus}, ${used}, ${room - used}, ${mode}\n`;
  });
  const users = devices.flatMap(({ by = [] }, index) =>
    by.map(({ pid, used }) => `${UUIDS[index] ?? ""}, ${pid}, ${used}, /opt/venv/bin/python3\n`),
  );
  return { devices: lines.join(""), processes: users.join("") };
}

/** The tool in a folder that may be put on the path; what it shows can be changed while a build runs. */
export class DriverTool {
  readonly #folder: string;

  /** @param folder where the tool and what it shows lie */
  constructor(folder: string) {
    this.#folder = folder;
    this.#write(
      `folder='${folder}'
echo "$1" >> "$folder/asked"
case "$1" in
  --query-gpu=*) cat "$folder/devices" ;;
  --query-compute-apps=*) cat "$folder/processes" ;;
esac`,
    );
    this.show([]);
  }

  show(devices: readonly Shown[]): void {
    for (const [name, text] of Object.entries(printed(devices))) this.#put(name, text);
  }

  /** Another program in its place. */
  become(script: string): void {
    this.#write(script);
  }

  /** What was asked of it, a line for each time. */
  get asked(): readonly string[] {
    const path = join(this.#folder, "asked");
    return fs.existsSync(path) ? fs.readFileSync(path, "utf8").trimEnd().split("\n") : [];
  }

  get path(): string {
    return `${this.#folder}${delimiter}${process.env["PATH"] ?? ""}`;
  }

  #write(script: string): void {
    this.#put("nvidia-smi", `#!/bin/sh\n${script}\n`);
    fs.chmodSync(join(this.#folder, "nvidia-smi"), 0o755);
  }

  /** As a whole, so that no reader sees half of it. */
  #put(name: string, text: string): void {
    const path = join(this.#folder, name);
    fs.mkdirSync(dirname(path), { recursive: true });
    fs.writeFileSync(`${path}.new`, text);
    fs.renameSync(`${path}.new`, path);
  }
}
