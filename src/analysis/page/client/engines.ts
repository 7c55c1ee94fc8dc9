import { startTheme } from "./theme.ts";

/** The script of a page of compared engines: the switch of colours. Without it the page is complete. */
document.documentElement.classList.add("scripted");
startTheme();
