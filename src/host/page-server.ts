import { randomBytes, timingSafeEqual } from "node:crypto";
import * as fs from "node:fs";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import { extname } from "node:path";
import type { Failure } from "../model/failure.ts";
import { err, ok, type Result } from "../model/result.ts";
import { secretsOf, withoutSecrets } from "../model/secrets.ts";
import { errorText } from "./disk/disk.ts";
import { placeInside } from "./disk/place-inside.ts";

export interface PageServerOptions {
  /** 0 for any that is free. */
  readonly port: number;
  readonly root: string;
  /** Whether a workspace-relative path is an output that may be shown. */
  readonly isShown: (path: string) => boolean;
  /** The pages that aqm itself makes, by path; null when there is nothing to show yet. */
  readonly made: Readonly<Record<string, () => string | null>>;
  /** What a browser is told first when it asks for events. */
  readonly greeting: () => object;
}

export interface PageServer {
  readonly port: number;
  readonly url: string;
  /** Tells every browser that listens. */
  readonly tell: (value: object) => void;
  readonly close: () => Promise<void>;
}

/**
 * Shows published outputs to browsers on this machine and tells them what happens, by server-sent events.
 * Only the loopback address is listened on, and only requests that name it as their host are answered: else a
 * page from anywhere could read outputs here, by a name of its own that leads to this address. Other users of this
 * machine reach the address as well, so every path begins with a secret that only the printed URL has.
 */
export async function startPageServer(
  options: PageServerOptions,
): Promise<Result<PageServer, Failure>> {
  const listeners = new Set<http.ServerResponse>();
  const secret = randomBytes(16).toString("base64url");
  let port = options.port;
  const server = http.createServer((request, response) => {
    answer(request, response, { ...options, port, secret, listeners });
  });
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject).listen({ port, host: LOOPBACK, exclusive: true }, resolve);
    });
  } catch (error) {
    return err(notListening(port, error));
  }
  ({ port } = server.address() as AddressInfo);
  return ok({
    port,
    url: `http://${LOOPBACK}:${port}/${secret}/`,
    tell: (value) => {
      for (const response of listeners) response.write(messageOf(value));
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}

const LOOPBACK = "127.0.0.1";
const messageOf = (value: object): string =>
  `data: ${withoutSecrets(JSON.stringify(value), secretsOf(process.env))}\n\n`;

interface Serving extends PageServerOptions {
  readonly secret: string;
  readonly listeners: Set<http.ServerResponse>;
}

function answer(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  serving: Serving,
): void {
  const { port, made, root, listeners } = serving;
  response.setHeader("Cache-Control", "no-store");
  response.setHeader("X-Content-Type-Options", "nosniff");
  response.setHeader("Cross-Origin-Resource-Policy", "same-origin");
  response.setHeader("X-Frame-Options", "SAMEORIGIN");
  response.setHeader("Referrer-Policy", "no-referrer");
  const refuse = (code: number, text: string): void => {
    response.writeHead(code, { "Content-Type": "text/plain; charset=utf-8" }).end(`${text}\n`);
  };
  const names = [LOOPBACK, "localhost", "[::1]"].map((name) => `${name}:${port}`);
  const { host = "", origin } = request.headers;
  if (!names.includes(host)) {
    refuse(403, "Only requests to this machine by its own name are answered.");
    return;
  }
  // A browser says it where another page asks; this page's own requests have none, or its address.
  if (origin !== undefined && origin !== `http://${host}`) {
    refuse(403, "Only this page's own requests are answered.");
    return;
  }
  if (request.method !== "GET" && request.method !== "HEAD") {
    refuse(405, "Nothing can be changed here.");
    return;
  }
  const path = pathBehind(serving.secret, pathOf(request.url ?? "/"));
  if (path === null) {
    refuse(403, "Open the address that aqm watch printed; each run has another one.");
    return;
  }
  if (path === "/events") {
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    response.write(messageOf(serving.greeting()));
    listeners.add(response);
    response.on("close", () => listeners.delete(response));
    return;
  }
  const page = Object.hasOwn(made, path) ? made[path] : undefined;
  if (page !== undefined) {
    const text = page();
    if (text === null) refuse(503, "Nothing was built yet.");
    else response.writeHead(200, { "Content-Type": TYPES[".html"] }).end(text);
    return;
  }
  const file = shownFile(path, root, serving.isShown);
  if (file === null) refuse(404, "No such output.");
  else {
    const type = TYPES[extname(file).toLowerCase()] ?? "application/octet-stream";
    response.writeHead(200, { "Content-Type": type });
    fs.createReadStream(file)
      .on("error", () => response.destroy())
      .pipe(response);
  }
}

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".svg": "image/svg+xml",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".png": "image/png",
  ".jpg": "image/jpeg",
  ".md": "text/plain; charset=utf-8",
  ".txt": "text/plain; charset=utf-8",
  ".yaml": "text/plain; charset=utf-8",
};

/** Decoded; null for what is no path. */
function pathOf(url: string): string | null {
  try {
    return decodeURIComponent(/^[^?#]*/.exec(url)?.[0] ?? "");
  } catch {
    return null;
  }
}

/** What follows the secret in a path; null for a path without it. */
function pathBehind(secret: string, path: string | null): string | null {
  const given = Buffer.from((path ?? "").slice(1, secret.length + 1));
  const wanted = Buffer.from(secret);
  const known = given.length === wanted.length && timingSafeEqual(given, wanted);
  const rest = (path ?? "").slice(secret.length + 1);
  return known && path?.startsWith("/") === true && rest.startsWith("/") ? rest : null;
}

/** The file behind `/files/…`, if it is an output and lies in the workspace after all links are followed. */
function shownFile(path: string, root: string, isShown: (path: string) => boolean): string | null {
  const wanted = path.startsWith("/files/") ? path.slice("/files/".length) : "";
  if (!isShown(wanted)) return null;
  const place = placeInside(root, wanted);
  if (!place.ok) return null;
  const stat = fs.statSync(place.value, { throwIfNoEntry: false });
  return stat?.isFile() === true ? place.value : null;
}

const notListening = (port: number, error: unknown): Failure => ({
  reason: "usage",
  message: `aqm cannot listen on port ${port}`,
  cause: errorText(error),
  nextStep: "Name another port, or none, which takes any that is free.",
});
