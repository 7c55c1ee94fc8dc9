import * as http from "node:http";
import * as https from "node:https";
import { pipeline } from "node:stream/promises";
import { errorText } from "../disk/disk.ts";
import { isLoopback, type Login } from "./logins.ts";
import { Trouble, type Server, type Shelf } from "./server.ts";

const REDIRECTS = 3;

/**
 * A web server that speaks Bazel's cache protocol: GET, HEAD and PUT of `<base>/ac/<64 hex>` and
 * `<base>/cas/<64 hex>`. https://bazel.build/remote/caching#http-caching
 *
 * A login goes to its origin and nowhere else: a redirect is followed, but without it where it leads to another origin.
 */
export class HttpServer implements Server {
  readonly place: string;
  readonly #base: URL;
  readonly #login: Login | null;
  readonly #agents: readonly [http.Agent, https.Agent];

  constructor(base: URL, login: Login | null) {
    this.#base = base;
    this.#login = login;
    this.place = `${base.origin}${base.pathname}`.replace(/\/$/, "");
    const options = { keepAlive: true, maxSockets: 64 };
    this.#agents = [new http.Agent(options), new https.Agent(options)];
  }

  async size(shelf: Shelf, name: string, signal: AbortSignal): Promise<number | null> {
    const answer = await this.#ask("HEAD", this.#at(shelf, name), signal);
    answer.resume();
    if (isAbsent(answer)) return null;
    this.#expectOk(answer, "read");
    const length = answer.headers["content-length"];
    return length === undefined ? 0 : Number(length);
  }

  async read(
    shelf: Shelf,
    name: string,
    most: number,
    take: (part: Uint8Array) => void,
    signal: AbortSignal,
  ): Promise<boolean> {
    const answer = await this.#ask("GET", this.#at(shelf, name), signal);
    if (isAbsent(answer)) {
      answer.resume();
      return false;
    }
    try {
      this.#expectOk(answer, "read");
      let left = most;
      await pipeline(
        answer,
        async (parts: AsyncIterable<Buffer>) => {
          for await (const part of parts) {
            left -= part.length;
            if (left < 0) throw new Trouble("unusable", "it is larger than it can be");
            take(part);
          }
        },
        { signal },
      );
      return true;
    } catch (error) {
      answer.destroy();
      throw troubleOf(error);
    }
  }

  async write(shelf: Shelf, name: string, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    const answer = await this.#ask("PUT", this.#at(shelf, name), signal, bytes);
    answer.resume();
    this.#expectOk(answer, "written");
  }

  setAside(): void {
    // The protocol cannot; who may write puts the right bytes in its place.
  }

  close(): void {
    for (const agent of this.#agents) agent.destroy();
  }

  #at(shelf: Shelf, name: string): URL {
    return new URL(`${this.#base.pathname.replace(/\/$/, "")}/${shelf}/${name}`, this.#base);
  }

  async #ask(
    method: "GET" | "HEAD" | "PUT",
    first: URL,
    signal: AbortSignal,
    body?: Uint8Array,
  ): Promise<http.IncomingMessage> {
    let url = first;
    for (let redirects = 0; ; redirects++) {
      const answer = await this.#once(method, url, signal, body);
      const { statusCode = 0 } = answer;
      const { location } = answer.headers;
      if (![301, 302, 303, 307, 308].includes(statusCode)) return answer;
      answer.resume();
      const next = location === undefined ? null : addressIn(location, url);
      if (next === null) throw new Trouble("unavailable", `it answers ${statusCode} and no place`);
      if (method === "PUT") throw new Trouble("refused", `it sends writers on to ${next.origin}`);
      if (url.protocol === "https:" && next.protocol !== "https:")
        throw new Trouble("refused", `it leads from https to ${next.origin}`);
      if (isLoopback(next.hostname) && !isLoopback(first.hostname))
        throw new Trouble("refused", `it leads to this machine, ${next.origin}`);
      if (redirects === REDIRECTS) throw new Trouble("unavailable", "it leads on and on");
      url = next;
    }
  }

  #once(
    method: string,
    url: URL,
    signal: AbortSignal,
    body?: Uint8Array,
  ): Promise<http.IncomingMessage> {
    const [plain, encrypted] = this.#agents;
    const isEncrypted = url.protocol === "https:";
    const headers = {
      // A server that compresses on its way would change no content, but its length.
      "accept-encoding": "identity",
      ...(this.#login?.origin === url.origin ? { authorization: this.#login.authorization } : {}),
      // Without it, the body would come in chunks, which some servers of this protocol refuse.
      ...(body === undefined
        ? {}
        : { "content-length": body.length, "content-type": "application/octet-stream" }),
    };
    return new Promise((resolve, reject) => {
      const request = (isEncrypted ? https : http).request(url, {
        method,
        headers,
        signal,
        agent: isEncrypted ? encrypted : plain,
      });
      request.once("response", (answer) => {
        answer.on("error", () => undefined); // who reads it is told
        resolve(answer);
      });
      request.on("error", (error) => reject(troubleOf(error)));
      request.end(body);
    });
  }

  #expectOk({ statusCode = 0 }: http.IncomingMessage, done: "read" | "written"): void {
    if (statusCode >= 200 && statusCode < 300) return;
    const login = this.#login === null ? "no login is known for it" : "the login is not accepted";
    if (statusCode === 401 || statusCode === 403)
      throw new Trouble("refused", `it may not be ${done} (${statusCode}): ${login}`);
    if (statusCode === 404 || statusCode === 405 || statusCode === 501)
      throw new Trouble("refused", `it cannot be ${done} (${statusCode})`);
    if (statusCode === 413) throw new Trouble("full", "it takes nothing so large (413)");
    if (statusCode === 507) throw new Trouble("full", "its disk is full (507)");
    throw new Trouble("unavailable", `it answers ${statusCode}`);
  }
}

const isAbsent = ({ statusCode }: http.IncomingMessage): boolean =>
  statusCode === 404 || statusCode === 410;

function addressIn(location: string, base: URL): URL | null {
  const url = URL.canParse(location, base.href) ? new URL(location, base) : null;
  return url !== null && /^https?:$/.test(url.protocol) && url.username === "" ? url : null;
}

function troubleOf(error: unknown): Trouble {
  return error instanceof Trouble ? error : new Trouble("unavailable", errorText(error));
}
