import type { PageData } from "../shared/page-data.ts";
import { startBudget } from "./budget.ts";
import { startDepth } from "./depth.ts";
import { find } from "./elements.ts";
import { startHeatCursor } from "./heat-cursor.ts";
import { startTable } from "./layer-table.ts";
import { startTheme } from "./theme.ts";

/** Without this script the page is complete, but for what moves. */
const data = JSON.parse(find("#data")?.textContent ?? "") as PageData;
document.documentElement.classList.add("scripted");
startTheme();
startTable(data);
startBudget(data);
startHeatCursor(data);
startDepth();
