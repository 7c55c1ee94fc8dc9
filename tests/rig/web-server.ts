import * as fs from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

export interface Asked {
  readonly path: string;
  readonly range: string | undefined;
}

/** Serves a folder over HTTP, with ranges, and cuts connections where it is told to. */
export class WebServer {
  readonly asked: Asked[] = [];
  /** After how many bytes the next answer for a path ends early. */
  readonly cuts = new Map<string, number>();
  readonly #server: Server;
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
    this.#server = createServer((request, response) => {
      const path = new URL(request.url ?? "/", "http://x").pathname;
      const { range } = request.headers;
      this.asked.push({ path, range });
      const file = join(this.#folder, path);
      if (!fs.existsSync(file)) {
        response.writeHead(404).end("no such page");
        return;
      }
      const whole = fs.readFileSync(file);
      const start = Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0);
      const body = whole.subarray(start);
      response.writeHead(range === undefined ? 200 : 206, {
        "Content-Length": body.length,
        "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT",
        ...(range === undefined
          ? {}
          : { "Content-Range": `bytes ${start}-${whole.length - 1}/${whole.length}` }),
      });
      const cut = this.cuts.get(path);
      this.cuts.delete(path);
      if (cut === undefined) response.end(body);
      else response.write(body.subarray(0, cut), () => response.destroy());
    });
  }

  static async serve(folder: string): Promise<WebServer> {
    const server = new WebServer(folder);
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
