export const find = <T extends HTMLElement>(id: string): T => {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page has no ${id}`);
  return element as T;
};

export function make(tag: string, classes = "", text = ""): HTMLElement {
  const element = document.createElement(tag);
  if (classes !== "") element.className = classes;
  element.textContent = text;
  return element;
}
