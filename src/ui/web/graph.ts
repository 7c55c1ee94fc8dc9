import { find, make } from "./elements.ts";
import { renderCritical } from "./graph-critical.ts";
import { foldBy, forgetClosed, shown, ways } from "./graph-rows.ts";
import { count, present } from "./graph-state.ts";
import { render, renderFromTop, reveal, startTree } from "./graph-tree.ts";

function renderStates(): void {
  const chips = present.map((verdict) => {
    const chip = make("button", `chip ${verdict}`, `${count(verdict)} ${verdict}`);
    chip.setAttribute("aria-pressed", String(shown.has(verdict)));
    chip.addEventListener("click", () => {
      if (!shown.delete(verdict)) shown.add(verdict);
      renderStates();
      render();
    });
    return chip;
  });
  find("states").replaceChildren(...chips);
}

/** The page follows the system until another choice. */
function startTheme(): void {
  for (const choice of document.querySelectorAll<HTMLInputElement>("input[name=theme]"))
    choice.addEventListener("change", () => {
      document.documentElement.style.colorScheme = choice.value;
      document.querySelector("meta[name=color-scheme]")?.setAttribute("content", choice.value);
    });
}

function startTools(): void {
  const select = find<HTMLSelectElement>("fold");
  select.replaceChildren(
    ...ways.map(({ name }, at) => {
      const option = make("option", "", name) as HTMLOptionElement;
      option.value = String(at);
      return option;
    }),
  );
  select.addEventListener("change", () => {
    foldBy(Number(select.value));
    renderFromTop();
  });
  const search = find<HTMLInputElement>("search");
  search.addEventListener("input", () => {
    forgetClosed();
    render();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.target === search) return;
    event.preventDefault();
    search.focus();
  });
}

document.documentElement.classList.add("scripted");
startTheme();
startTools();
renderStates();
renderCritical(reveal);
startTree(renderStates);
find("details").append(
  make("p", "", "Select a target or a fold to see its state, causes and neighbours."),
);
