import { dirname } from "node:path";
import { CompilerConfigs } from "./compiler-configs.ts";
import { configsIn, placesBeside, placesOfImport, placesOfPath } from "./places-to-look.ts";

/** What the bundler looks at beside the modules that it takes: configs, and names that it tries in vain. */
export class Surroundings {
  readonly #look: (path: string) => string;
  readonly #configs: CompilerConfigs;
  readonly #placesOf: typeof placesOfImport;
  readonly #folders = new Set<string>();

  /**
   * @param look returns the signature of what is at a path
   * @param placesOf may remember what `placesOfImport` says
   */
  constructor(look: (path: string) => string, placesOf = placesOfImport) {
    this.#look = look;
    this.#placesOf = placesOf;
    this.#configs = new CompilerConfigs((path) => !look(path).startsWith("missing"));
  }

  /** @param path of a module that is bundled, or is about to be */
  noteModule(path: string): void {
    placesBeside(path).forEach(this.#look);
    this.#noteFolder(dirname(path));
  }

  noteImport(specifier: string, folder: string): void {
    this.#placesOf(specifier, folder).forEach(this.#look);
    for (const path of this.#configs.candidates(specifier, folder))
      placesOfPath(path).forEach(this.#look);
  }

  #noteFolder(folder: string): void {
    if (this.#folders.has(folder)) return;
    this.#folders.add(folder);
    configsIn(folder).forEach(this.#look);
    this.#configs.readFor(folder);
    if (folder !== dirname(folder)) this.#noteFolder(dirname(folder));
  }
}
