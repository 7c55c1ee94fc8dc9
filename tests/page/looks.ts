// What a page must not look like, as expressions for a browser: each gives the names of elements at fault.

/** Names of elements of drawings that lie outside of their drawing, in part or whole. */
export const OUTSIDE = `[...document.querySelectorAll("svg.picture")].flatMap((svg) => {
  const { width, height } = svg.viewBox.baseVal;
  return [...svg.querySelectorAll("text, path, circle")].filter((one) => {
    if (one.closest("defs")) return false;
    const box = one.getBBox();
    return box.x < -1 || box.y < -1 || box.x + box.width > width + 1 || box.y + box.height > height + 1;
  }).map((one) => svg.id + ": " + (one.textContent || one.getAttribute("class")));
})`;

/** Contrast of text and of what one has to see, by the formula of WCAG, below what it asks for. */
export const FAINT = `[...document.querySelectorAll("th, td, dt, dd, p, label, button, select, input[type=search], a, h2, legend, svg text, svg .curve, svg .dot, svg .line, svg .mark")].flatMap((one) => {
  const numbers = (colour) => (colour.match(/[\\d.]+/g) ?? []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  let ground = one;
  const clear = (element) => numbers(getComputedStyle(element).backgroundColor)[3] === 0;
  while (ground.parentElement && clear(ground)) ground = ground.parentElement;
  const style = getComputedStyle(one);
  const drawn = one.namespaceURI.endsWith("svg");
  const line = drawn && one.tagName === "path";
  const border = /^(INPUT|SELECT)$/.test(one.tagName);
  const ratio = (colour) => {
    const [a, b] = [light(numbers(colour)), light(numbers(getComputedStyle(ground).backgroundColor))].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05);
  };
  const wanted = line || one.tagName === "circle" ? 3 : 4.5;
  // A mark has a rim in the colour of the paper, or is hollow: one of both is to be seen.
  const seen = one.classList.contains("mark") ? [style.fill, style.stroke].filter((colour) => colour !== "none") : [];
  const found = seen.length > 0 ? Math.max(...seen.map(ratio)) : ratio(line ? style.stroke : drawn ? style.fill : style.color);
  const name = one.tagName + " " + (one.id || one.className.baseVal || one.className) + " " + one.textContent.slice(0, 20);
  return [...(found < wanted ? [name + " " + found.toFixed(2)] : []), ...(border && ratio(style.borderTopColor) < 3 ? ["border of " + name] : [])];
})`;

/** Texts of a drawing that cover each other. */
export const COVERED = `[...document.querySelectorAll("svg.picture")].flatMap((svg) => {
  const texts = [...svg.querySelectorAll("text")].map((one) => ({ name: one.textContent, box: one.getBoundingClientRect() }));
  return texts.flatMap(({ name, box: a }, n) => texts.slice(n + 1)
    .filter(({ box: b }) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 2 && b.top < a.bottom - 2)
    .map((other) => svg.id + ": " + name + " and " + other.name));
})`;

/**
 * What a narrow screen cannot take: a page that is scrolled sideways, a table beyond its own box, a first column that
 * goes out of view with what is scrolled or leaves no room for it, a row as high as the screen.
 */
export const CRAMPED = `(() => {
  const root = document.documentElement;
  const wide = root.scrollWidth > root.clientWidth ? ["the page: " + root.scrollWidth] : [];
  for (const details of document.querySelectorAll("details")) details.open = true;
  return [...wide, ...[...document.querySelectorAll("table")].flatMap((table) => {
    const name = table.id || table.className || table.querySelector("th")?.textContent;
    const box = table.closest(".scroll");
    if (box === null) return table.getBoundingClientRect().right > root.clientWidth ? [name + ": no box"] : [];
    if (box.scrollWidth <= box.clientWidth) return [];
    box.scrollLeft = box.scrollWidth;
    const { left, width } = box.getBoundingClientRect();
    const firsts = [...table.querySelectorAll("tbody tr > th:first-child")].map((one) => one.getBoundingClientRect());
    const gone = firsts.some((one) => one.left < left - 1 || one.width > 0.45 * width);
    const high = firsts.length > 0 && [...table.rows].some((row) => row.getBoundingClientRect().height > 0.4 * innerHeight);
    return [...(gone ? [name + ": first column"] : []), ...(high ? [name + ": high rows"] : [])];
  })];
})()`;
