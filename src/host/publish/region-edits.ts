import * as fs from "node:fs";
import { join, relative } from "node:path";
import type { ActionNode } from "../../graph/graph.ts";
import { shortDigest, type Digest } from "../../model/digest.ts";
import type { Failure } from "../../model/failure.ts";
import { fileOf } from "../../model/region.ts";
import { err, ok, type Result } from "../../model/result.ts";
import type { RegionEditFate } from "../../model/verdict.ts";
import type { Replaced } from "../../ports.ts";
import { writeFileAtomic } from "../disk/disk.ts";
import type { Evidence } from "../evidence/evidence.ts";
import { statOf } from "../evidence/ways.ts";
import type { Layout } from "../disk/layout.ts";
import type { Move } from "./publication.ts";
import {
  digestOfStagedRegion,
  editedRegions,
  regionEdited,
  regionObstacle,
} from "../disk/regions.ts";

export interface RegionEditsOptions {
  readonly layout: Layout;
  readonly force: boolean;
  /** Whether aqm made this content of a region, or can bring it back. */
  readonly isOurs: (node: ActionNode, path: string, digest: Digest) => boolean;
  /** What was published there last, if that is still known. */
  readonly lastText: (node: ActionNode, path: string) => string | null;
}

/** What people wrote between the markers of a region. */
export class RegionEdits {
  readonly #options: RegionEditsOptions;

  constructor(options: RegionEditsOptions) {
    this.#options = options;
  }

  get fate(): RegionEditFate {
    return this.#options.force ? "kept_aside" : "left";
  }

  /** An edit that keeps the action from filling its regions, whatever its op would write; null without one. */
  found(node: ActionNode): Failure | null {
    const { layout, force, isOurs, lastText } = this.#options;
    const outputs = Object.values(node.declaration.outputs);
    const isKnown = (path: string, digest: Digest): boolean => isOurs(node, path, digest);
    const [first] = force ? [] : editedRegions(layout.root, outputs, isKnown);
    if (first === undefined) return null;
    return regionEdited(node, first, lastText(node, first.output.path), null);
  }

  /**
   * Refuses to fill regions that cannot be told apart, and to write over what a person wrote in one; told to, keeps that aside instead, and returns it
   * after what was `kept` before.
   */
  heed(
    node: ActionNode,
    moves: readonly Move[],
    kept: readonly Replaced[],
  ): Result<readonly Replaced[], Failure> {
    const { layout, force, isOurs, lastText } = this.#options;
    const { root, replaced } = layout;
    const staged = moves.flatMap(({ from, to, region }) =>
      region === true ? [{ path: to, from: join(root, from) }] : [],
    );
    if (staged.length === 0) return ok(kept);
    const coming = Object.values(node.declaration.outputs).flatMap((output) => {
      const one = staged.find(({ path }) => path === output.path);
      return one === undefined ? [] : [{ output, digest: digestOfStagedRegion(one.from) }];
    });
    // A person may have broken a marker since the action began.
    for (const { output } of coming) {
      const obstacle = regionObstacle(root, output);
      if (obstacle !== null) return err({ ...obstacle, target: node.id });
    }
    const outputs = coming.map(({ output }) => output);
    const comes = new Map(coming.map(({ output, digest }) => [output.path, digest]));
    const edited = editedRegions(
      root,
      outputs,
      (path, digest) => comes.get(path) === digest || isOurs(node, path, digest),
    );
    const [first] = edited;
    if (first !== undefined && !force) {
      const { path } = first.output;
      const published = lastText(node, path);
      const from = staged.find((one) => one.path === path)?.from ?? "";
      return err(regionEdited(node, first, published, fs.readFileSync(from, "utf8")));
    }
    const aside = edited.map(({ output: { path }, digest, content }) => {
      const place = join(replaced, shortDigest(digest), path);
      if (!fs.existsSync(place)) writeFileAtomic(place, content);
      return { path, kept: relative(root, place) };
    });
    return ok([...kept, ...aside]);
  }
}

/** The files whose regions an action fills: what stays known about them. */
export class FilledDocuments {
  readonly #files: readonly string[];
  readonly #evidence: Evidence;
  #sure: readonly string[] = [];

  constructor(root: string, { declaration }: ActionNode, evidence: Evidence) {
    const regions = Object.values(declaration.outputs).filter(({ kind }) => kind === "region");
    this.#files = [...new Set(regions.map((output) => join(root, fileOf(output))))];
    this.#evidence = evidence;
  }

  /** Somebody else may have edited another region since it was looked at. */
  lookBefore(): void {
    this.#sure = this.#files.filter((file) => this.#evidence.isSure(file, statOf(file)));
  }

  noteAfter(): void {
    for (const file of this.#files) {
      const stat = this.#sure.includes(file) ? statOf(file) : undefined;
      if (stat === undefined) this.#evidence.doubt(file);
      else this.#evidence.noteMade(file, stat);
    }
  }
}
