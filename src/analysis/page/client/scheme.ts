import type { BudgetData } from "../shared/budget-data.ts";
import type { BudgetCurve } from "../shared/curve.ts";
import type { PageData } from "../shared/page-data.ts";
import { schemeWords, schemeYaml } from "../shared/scheme-yaml.ts";
import { find, say } from "./elements.ts";

/** The plan on show as the YAML of a scheme, and the button that copies it. */
export function schemeView(
  { scheme: basis }: PageData,
  budget: BudgetData,
  isKept: (layer: number) => boolean,
): (curve: BudgetCurve, step: number) => void {
  const text = find<HTMLTextAreaElement>("#scheme-yaml");
  const button = find<HTMLButtonElement>("#copy-scheme");
  if (basis === null || text === null || button === null) return () => undefined;
  button.addEventListener("click", () => void copy(text));
  return (curve, at) => {
    const step = curve.steps[at];
    if (step === undefined) return;
    const scheme = schemeYaml(basis, budget, curve, step, isKept);
    const yaml = "yaml" in scheme ? scheme.yaml : null;
    text.value = yaml ?? "";
    text.hidden = button.disabled = yaml === null;
    say("#scheme-says", schemeWords(scheme));
    say("#copied", "");
  };
}

/** Where a page may not write to the clipboard, the text is shown and selected. */
async function copy(text: HTMLTextAreaElement): Promise<void> {
  try {
    await navigator.clipboard.writeText(text.value);
    say("#copied", "Copied.");
  } catch {
    const around = text.closest("details");
    if (around !== null) around.open = true;
    text.focus();
    text.select();
    say(
      "#copied",
      "This page may not copy: the text above is selected, so copy it with the keyboard.",
    );
  }
}
