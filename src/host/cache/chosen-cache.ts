import { isAbsolute } from "node:path";
import type { Failure } from "../../model/failure.ts";
import { withoutSecrets } from "../../model/secrets.ts";
import { err, ok, type Result } from "../../model/result.ts";
import type { SharedCacheDeclaration, SharedCacheMode } from "../../model/shared-cache.ts";
import type { Layout } from "../disk/layout.ts";
import { FolderServer } from "./folder-server.ts";
import { HttpServer } from "./http-server.ts";
import { loginFor } from "./logins.ts";
import { RemoteCache } from "./remote-cache.ts";
import type { Server } from "./server.ts";
import { Say, SharedResults } from "./shared-results.ts";

type Variables = Readonly<Record<string, string | undefined>>;

export interface ChosenCache {
  /** A folder's absolute path, or an address. */
  readonly at: string | URL;
  readonly mode: SharedCacheMode;
  /** Who chose it. */
  readonly by: "AQM_CACHE_SHARED" | "Aqmfile.ts";
}

/** The cache to share, null for none: what the user's variables say comes before what the Aqmfile says. */
export function chosenCache(
  declared: SharedCacheDeclaration | null,
  variables: Variables,
): Result<ChosenCache | null, Failure> {
  const named = variables["AQM_CACHE_SHARED"] ?? "";
  if (named === "off") return ok(null);
  const told = variables["AQM_CACHE_MODE"] ?? "";
  if (!["", "read", "write"].includes(told))
    return err(wrong("AQM_CACHE_MODE", told, "Write read or write."));
  const place = named === "" ? (declared?.folder ?? declared?.url ?? "") : named;
  if (place === "") return ok(null);
  const by = named === "" ? "Aqmfile.ts" : "AQM_CACHE_SHARED";
  const at = placeIn(place);
  if (at === null)
    return err(
      wrong(
        by === "Aqmfile.ts" ? "The cache in the Aqmfile" : by,
        withoutSecrets(place),
        "Write an absolute path, or an address without user name and password (https://…); AQM_CACHE_SHARED=off is none.",
      ),
    );
  const mode = told === "" ? (named === "" ? (declared?.mode ?? "read") : "read") : told;
  return ok({ at, mode: mode === "write" ? "write" : "read", by });
}

/** Opens nothing yet: the first question does. */
export function openSharedResults(
  chosen: ChosenCache,
  layout: Layout,
  variables: Variables,
): SharedResults {
  const { at, mode } = chosen;
  const say = new Say();
  const writes = mode === "write";
  const options = { arriving: layout.arriving, writes, tell: say.say };
  const login = at instanceof URL ? loginFor(at, variables) : ok(null);
  const server: Server =
    at instanceof URL ? new HttpServer(at, login.ok ? login.value : null) : new FolderServer(at);
  const cache = new RemoteCache(server, options);
  if (!login.ok) cache.leaveOut(login.error);
  return new SharedResults(cache, { chosen: textOf(chosen), writes }, say);
}

export const textOf = ({ at, mode }: ChosenCache): string => `${mode} ${at.toString()}`;

function placeIn(text: string): string | URL | null {
  if (isAbsolute(text)) return text;
  const url = URL.canParse(text) ? new URL(text) : null;
  const isAddress = url !== null && /^https?:$/.test(url.protocol);
  return isAddress && url.username === "" && url.password === "" && url.search === "" ? url : null;
}

const wrong = (what: string, found: string, nextStep: string): Failure => ({
  reason: "usage",
  message: `${what} says ${JSON.stringify(found)}, which names no shared cache`,
  nextStep,
});
