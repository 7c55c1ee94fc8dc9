import * as fs from "node:fs";
import { dirname, join, relative } from "node:path";
import { isConfigName } from "../../model/litter.ts";
import { namesIn } from "../disk/names-in.ts";

/** Where the configs of a workspace lie. */
export interface ConfigFolders {
  /** `conf/` of the workspace. */
  readonly own: string;
  /** `conf/` of the aqm package, for a workspace elsewhere that uses rules of the package; else null. */
  readonly defaults: string | null;
}

export interface ConfigGroup {
  readonly name: string;
  /** Absolute path of the JSON Schema, which may be missing. */
  readonly schema: string;
  /** Absolute paths of the YAML files, by file name. */
  readonly files: Readonly<Record<string, string>>;
}

/**
 * All groups of configs. A file of the workspace takes the place of the file of the same name that comes with
 * aqm. A group for which the workspace has a schema of its own is its own as a whole: defaults would not fit.
 */
export function configGroups(folders: ConfigFolders): readonly ConfigGroup[] {
  const names = [folders.own, folders.defaults].flatMap((folder) =>
    folder === null ? [] : namesIn(folder),
  );
  return [...new Set(names)].sort().flatMap((name): ConfigGroup[] => {
    if (name === "schema" || name.startsWith(".")) return [];
    const schema = schemaOf(folders, name);
    const inherits = folders.defaults !== null && schema !== schemaIn(folders.own, name);
    const files = {
      ...(inherits ? filesIn(join(folders.defaults, name)) : {}),
      ...filesIn(join(folders.own, name)),
    };
    return Object.keys(files).length === 0 ? [] : [{ name, schema, files }];
  });
}

/** The schema of a group: the workspace's, else the one that comes with aqm. */
export function schemaOf({ own, defaults }: ConfigFolders, group: string): string {
  const schema = schemaIn(own, group);
  if (defaults === null || fs.existsSync(schema)) return schema;
  const shipped = schemaIn(defaults, group);
  return fs.existsSync(shipped) ? shipped : schema;
}

/** A config or a schema as a person would open it: relative to the workspace if it lies there. */
export function shownConfig({ own }: ConfigFolders, path: string): string {
  const inside = relative(dirname(own), path);
  return inside.startsWith("..") ? path : inside;
}

const schemaIn = (conf: string, group: string): string =>
  join(conf, "schema", `${group}.schema.json`);

const filesIn = (folder: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    namesIn(folder)
      .filter(isConfigName)
      .map((name) => [name, join(folder, name)]),
  );
