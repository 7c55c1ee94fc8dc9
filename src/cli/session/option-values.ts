import { openAqmfile } from "../../host/aqmfile/aqmfile.ts";
import { withCompiledFolder } from "../../host/code/compiled-folder.ts";
import { layoutOf } from "../../host/disk/layout.ts";
import { Evidence } from "../../host/evidence/evidence.ts";
import { PACKAGE_ROOT, workspaceRoot } from "./root.ts";

/** What may follow an option, for shell completion; null for an option that takes any value, or none. */
export async function optionValues(option: string): Promise<readonly string[] | null> {
  if (option === "--layout") return ["publish", "tmp"];
  return option === "--set" ? overrides() : null;
}

/** `group=option` and `group.key=` for all configs of the workspace; none where these cannot be read. */
async function overrides(): Promise<readonly string[]> {
  const layout = withCompiledFolder(layoutOf(workspaceRoot(), PACKAGE_ROOT));
  const opened = await openAqmfile(layout, new Evidence());
  if (!opened.ok) return [];
  const found = Object.entries(opened.value.groups).flatMap(([group, options]) => [
    ...Object.keys(options).map((option) => `${group}=${option}`),
    ...Object.values(options).flatMap((values) =>
      Object.keys(values).map((key) => `${group}.${key}=`),
    ),
  ]);
  return [...new Set(found)].sort();
}
