import type { PageData } from "../shared/page-data.ts";
import { find, findAll } from "./elements.ts";

const boxes = (): readonly HTMLInputElement[] => findAll<HTMLInputElement>("input[name=pair]");

/** Positions of the pairs that plans may choose from; a page of one pair has no choice. */
export const chosenPairs = ({ pairs }: PageData): ReadonlySet<number> =>
  new Set(
    pairs.length === 1
      ? [0]
      : boxes()
          .filter(({ checked }) => checked)
          .map(({ value }) => Number(value)),
  );

/** Calls back when other pairs are chosen, once for each click. */
export function startChoice({ pairs }: PageData, changed: () => void): void {
  for (const box of boxes()) box.addEventListener("change", changed);
  const choose = (button: string, wanted: (pair: number) => boolean): void => {
    find(button)?.addEventListener("click", () => {
      for (const box of boxes()) box.checked = wanted(Number(box.value));
      changed();
    });
  };
  choose("#choose-all", () => true);
  choose("#choose-served", (pair) => pairs[pair]?.service?.by === "vllm");
}
