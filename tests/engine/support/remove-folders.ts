import { afterEach } from "vitest";
import { removeFolders } from "./folder.ts";

/* Vitest runs this for each file of tests, also where several files share one module `folder.ts`. */
afterEach(removeFolders);
