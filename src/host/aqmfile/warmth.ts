import type { Evaluated } from "./evaluated.ts";
import type { Layout } from "../disk/layout.ts";
import { WarmBundler } from "../code/warm-bundler.ts";

/** What a process keeps that looks at one workspace again and again. Everything in it can be lost at any time. */
export class Warmth {
  readonly bundler: WarmBundler;
  /** What the Aqmfile said, and all that this depended on. */
  aqmfile: { readonly dependsOn: string; readonly evaluated: Evaluated } | null = null;

  constructor(layout: Layout) {
    this.bundler = new WarmBundler(layout);
  }
}
