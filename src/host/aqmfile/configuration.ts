import { join } from "node:path";
import { isConfigName } from "../../model/litter.ts";
import type { Failure } from "../../model/failure.ts";
import type { JsonObject } from "../../model/json.ts";
import { err, ok, type Result } from "../../model/result.ts";
import type { ConfigFolders } from "./config-groups.ts";
import { readCache, writeCache } from "../disk/disk.ts";
import type { Evidence } from "../evidence/evidence.ts";
import type { Layout } from "../disk/layout.ts";
import { namesIn } from "../disk/names-in.ts";
import { derivationContext, statSignature } from "../evidence/signature.ts";

export interface Configuration {
  readonly groups: Readonly<Record<string, Readonly<Record<string, JsonObject>>>>;
  /** Absolute paths of all YAML and schema files. */
  readonly files: readonly string[];
}

interface CachedConfiguration {
  readonly context: string;
  readonly groups: Configuration["groups"];
  readonly looked: Record<string, string>;
}

/**
 * Reads `conf/<group>/<name>.yaml`, each checked against `conf/schema/<group>.schema.json`; `config-groups.ts`
 * says which of those that come with aqm count. The parsed values are cached by stat signature: YAML and the
 * schema checker load only after an edit.
 */
export async function loadConfiguration(
  layout: Layout,
  evidence: Evidence,
  defaults: string | null = null,
): Promise<Result<Configuration, readonly Failure[]>> {
  const folders = { own: layout.conf, defaults };
  const looked = {
    ...signatures(layout.conf, evidence),
    ...(defaults === null ? {} : signatures(defaults, evidence)),
  };
  const cachePath = join(layout.compiled, "conf.json");
  const cached = readCache(cachePath) as CachedConfiguration | null;
  const context = derivationContext(layout);
  if (cached?.context === context && same(cached.looked, looked)) {
    return ok({ groups: cached.groups, files: Object.keys(looked) });
  }
  const groups = Object.keys(looked).length === 0 ? ok({}) : await read(folders);
  if (!groups.ok) return err(groups.error);
  writeCache(cachePath, { context, groups: groups.value, looked });
  return ok({ groups: groups.value, files: Object.keys(looked) });
}

async function read(
  folders: ConfigFolders,
): Promise<Result<Configuration["groups"], readonly Failure[]>> {
  const { readConfiguration } = await import("./configuration-reader.ts");
  return readConfiguration(folders);
}

function signatures(conf: string, evidence: Evidence): Record<string, string> {
  const found: Record<string, string> = {};
  evidence.look(conf);
  for (const group of namesIn(conf)) {
    evidence.look(join(conf, group));
    for (const name of namesIn(join(conf, group))) {
      if (!isConfigName(name) && !/^[^.].*\.json$/.test(name)) continue;
      const path = join(conf, group, name);
      found[path] = statSignature(path, evidence);
    }
  }
  return found;
}

function same(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}
