import { find, findAll } from "./elements.ts";

/** The page follows the system until somebody chooses. */
export function startTheme(): void {
  for (const choice of findAll<HTMLInputElement>("input[name=theme]")) {
    choice.addEventListener("change", () => {
      document.documentElement.style.colorScheme = choice.value;
      find("meta[name=color-scheme]")?.setAttribute("content", choice.value);
    });
  }
}
