import { startTheme } from "./theme.ts";

/** The script of the formats page, which has nothing that moves but its colours. */
document.documentElement.classList.add("scripted");
startTheme();
