import * as fs from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { err, ok, type Result } from "../../model/result.ts";
import { errorText } from "../disk/disk.ts";
import { readFileText } from "../disk/bounded-read.ts";

/** Who the user is to one server. */
export interface Login {
  /** The only place that it is sent to. */
  readonly origin: string;
  /** Value of the header `Authorization`. */
  readonly authorization: string;
  /** Where it was found, for people. */
  readonly source: string;
}

/** The addresses of this machine, to which a password may go without encryption. */
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

export const isLoopback = (hostname: string): boolean => LOOPBACK.test(hostname);

type Variables = Readonly<Record<string, string | undefined>>;

/**
 * The login for a server, from the first of: `AQM_CACHE_LOGIN`, the file that `AQM_CACHE_LOGIN_FILE` names, the
 * user's `.netrc`. None of these is part of a repository, and each names the server that it is for: an Aqmfile may
 * say which cache to ask, and not who gets the user's password. Null where there is none.
 */
export function loginFor(url: URL, variables: Variables): Result<Login | null, string> {
  const safe = url.protocol === "https:" || isLoopback(url.hostname);
  for (const look of [fromVariable, fromFile, fromNetrc]) {
    const found = look(url, variables);
    if (!found.ok) return found;
    if (found.value === null) continue;
    if (safe) return found;
    return err(`the login for ${url.origin} would be sent without encryption: use https`);
  }
  return ok(null);
}

type Found = Result<Login | null, string>;

function fromVariable(url: URL, variables: Variables): Found {
  const text = variables["AQM_CACHE_LOGIN"] ?? "";
  return text.trim() === "" ? ok(null) : loginIn([text], url, "AQM_CACHE_LOGIN");
}

function fromFile(url: URL, variables: Variables): Found {
  const path = variables["AQM_CACHE_LOGIN_FILE"] ?? "";
  if (path === "") return ok(null);
  const text = ownFile(path);
  if (!text.ok) return text;
  const lines = text.value.split("\n").filter((line) => !/^\s*(?:#|$)/.test(line));
  return loginIn(lines, url, "AQM_CACHE_LOGIN_FILE");
}

/** `https://cache.example user:password`, or `https://cache.example Bearer TOKEN`. What is wrong is not shown. */
function loginIn(lines: readonly string[], url: URL, source: string): Found {
  for (const [index, line] of lines.entries()) {
    const [address = "", ...rest] = line.trim().split(/\s+/);
    const given = rest.join(" ");
    const bearer = /^Bearer \S+$/i.test(given);
    const basic = /^[^\s:]+:\S*$/.test(given);
    if (!URL.canParse(address) || !(bearer || basic))
      return err(
        `line ${index + 1} of ${source} is not of the form "https://host user:password" or "https://host Bearer TOKEN"`,
      );
    if (new URL(address).origin !== url.origin) continue;
    const authorization = bearer ? given : `Basic ${Buffer.from(given).toString("base64")}`;
    return ok({ origin: url.origin, authorization, source });
  }
  return ok(null);
}

/** An entry of the server's name; the format knows no ports, so it is for all of that name. */
function fromNetrc(url: URL, variables: Variables): Found {
  const path = variables["NETRC"] ?? join(homedir(), ".netrc");
  if (!fs.existsSync(path)) return ok(null);
  const text = ownFile(path);
  if (!text.ok) return (variables["NETRC"] ?? "") === "" ? ok(null) : text;
  const words = text.value.split(/\s+/);
  const start = words.findIndex(
    (word, at) => word === "machine" && words[at + 1] === url.hostname.replace(/^\[|\]$/g, ""),
  );
  if (start < 0) return ok(null);
  const said = new Map<string, string>();
  for (let at = start + 2; at + 1 < words.length; at += 2) {
    const word = words[at] ?? "";
    if (word === "machine" || word === "default" || word === "macdef") break;
    said.set(word, words[at + 1] ?? "");
  }
  const [user, password] = [said.get("login"), said.get("password")];
  if (user === undefined || password === undefined) return ok(null);
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
  return ok({ origin: url.origin, authorization, source: path });
}

/** The text of a file that only this user may read. */
function ownFile(path: string): Result<string, string> {
  try {
    const stat = fs.statSync(path);
    if ((stat.mode & 0o077) !== 0)
      return err(`others may read ${path}, which has logins: chmod 600 ${path}`);
    return ok(readFileText(path));
  } catch (error) {
    return err(`${path}, which has logins, cannot be read: ${errorText(error)}`);
  }
}
