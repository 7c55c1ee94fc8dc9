import { offeredPairs } from "../shared/budget-data.ts";
import type { PageData } from "../shared/page-data.ts";
import { find, findAll } from "./elements.ts";

/** Query of the page's address while pairs for analysis only are shown: a reload or a link keeps them. */
const SHOWN = ["pairs", "all"] as const;

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
export function startChoice(data: PageData, changed: () => void): void {
  const { pairs } = data;
  const offered = offeredPairs(data);
  const analysis = find<HTMLInputElement>("#show-analysis");
  const isShown = (pair: number): boolean => offered.has(pair) || analysis?.checked === true;
  for (const box of boxes()) box.addEventListener("change", changed);
  const choose = (wanted: (pair: number) => boolean): void => {
    for (const box of boxes()) box.checked = wanted(Number(box.value));
    changed();
  };
  find("#choose-all")?.addEventListener("click", () => {
    choose(isShown);
  });
  find("#choose-served")?.addEventListener("click", () => {
    choose((pair) => pairs[pair]?.service?.by === "vllm");
  });
  if (analysis === null) return;
  const show = (): void =>
    void document.documentElement.classList.toggle("analysis", analysis.checked);
  analysis.checked = new URLSearchParams(location.search).get(SHOWN[0]) === SHOWN[1];
  show();
  analysis.addEventListener("change", () => {
    show();
    keepInAddress(analysis.checked);
    // What is not offered any more is not chosen either; where one pair is chosen, another one is.
    const hidden = boxes().filter(({ checked, value }) => checked && !isShown(Number(value)));
    if (hidden.length === 0) return;
    const left = boxes().filter(({ checked, value }) => checked && isShown(Number(value)));
    const [first] = offered;
    choose((pair) =>
      left.length === 0 ? pair === first : left.some(({ value }) => Number(value) === pair),
    );
  });
}

function keepInAddress(shown: boolean): void {
  const address = new URL(location.href);
  if (shown) address.searchParams.set(...SHOWN);
  else address.searchParams.delete(SHOWN[0]);
  try {
    history.replaceState(null, "", address);
  } catch {
    // A page inside of another may have an address that cannot be changed; the switch works all the same.
  }
}
