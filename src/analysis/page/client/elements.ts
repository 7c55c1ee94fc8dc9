/** An element that the page is known to have; null where this page has no such part. */
export const find = <T extends Element>(selector: string): T | null =>
  document.querySelector<T>(selector);

export const findAll = <T extends Element>(selector: string): readonly T[] => [
  ...document.querySelectorAll<T>(selector),
];

/** Puts a text in the place of another, if the page has that place. */
export function say(selector: string, text: string): void {
  const place = find(selector);
  if (place !== null) place.textContent = text;
}

/** Says in the colour key of a drawing what is in front now. */
export function nameFront(picture: string, name: string): void {
  say(`${picture} .front`, name);
}

/** Where in the user units of a drawing a pointer is. */
export function pointIn(
  picture: SVGSVGElement,
  event: PointerEvent,
): { readonly x: number; readonly y: number } {
  const matrix = picture.getScreenCTM();
  if (matrix === null) return { x: 0, y: 0 };
  const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix.inverse());
  return { x, y };
}
