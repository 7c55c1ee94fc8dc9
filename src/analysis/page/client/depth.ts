import { find, findAll, nameFront } from "./elements.ts";

/** Brings the curves of one pair to the front. */
export function startDepth(): void {
  const select = find<HTMLSelectElement>("#depth-column");
  select?.addEventListener("change", () => {
    for (const mark of findAll<SVGElement>("#depth [data-column]")) {
      const own = mark.dataset["column"] === select.value;
      mark.classList.toggle("on", own);
      // Last of its kind in the panel, so that it is on top.
      if (own) {
        let last: Element = mark;
        while (last.nextElementSibling?.tagName === mark.tagName) last = last.nextElementSibling;
        if (last !== mark) last.after(mark);
      }
    }
    nameFront("#depth", select.selectedOptions[0]?.text ?? "");
  });
}
