import { bundle } from "../../scripts/bundle.mjs";

/** Tests of the command line run what is in `dist/`, so that has to be what `src/` says. */
export async function setup(project) {
  await bundle();
  project.onTestsRerun(() => bundle());
}
