import { environment } from "aqm";

/** Where tables are read: pyarrow alone, so that data in other forms needs none of it. */
export const tables = environment({
  name: "tables",
  requirements: "python/tables.in",
  lock: "python/tables.lock",
});
