import { startFilteredTable } from "./filtered-table.ts";
import { startTheme } from "./theme.ts";

/** The script of pages of measured quality. Without it the page is complete, but for what moves. */
document.documentElement.classList.add("scripted");
startTheme();
startFilteredTable("plans");
