import { find } from "./elements.ts";

/** What the server says; see `page-state.ts` for the first five. */
interface Told {
  readonly revision: number;
  readonly busy: boolean;
  readonly failures: readonly string[];
  readonly notices: readonly string[];
  readonly made: Readonly<Record<string, number>>;
  /** Paths of pages, and the target that makes each. */
  readonly pages: readonly { readonly path: string; readonly target: string }[];
}

const GRAPH = "/graph";
const view = find<HTMLIFrameElement>("view");
const overlay = find("overlay");
const filter = find<HTMLInputElement>("filter");
let told: Told | null = null;
let shown = decodeURIComponent(location.hash.slice(1));
let shownRevision = 0;
let hidden = "";

/** Relative to this page, whose address begins with a secret. */
const addressOf = (path: string): string =>
  path === GRAPH ? "graph" : `files/${path.split("/").map(encodeURIComponent).join("/")}`;

/** The revision in which what is shown was last made; the graph changes with every one. */
function revisionOf(path: string): number {
  if (told === null) return 0;
  if (path === GRAPH) return Math.max(0, ...Object.values(told.made));
  const target = told.pages.find((page) => page.path === path)?.target;
  return target === undefined ? 0 : (told.made[target] ?? 0);
}

function show(path: string): void {
  shown = path;
  shownRevision = revisionOf(path);
  history.replaceState(null, "", `#${encodeURIComponent(path)}`);
  view.src = addressOf(path);
  list();
}

/** Reloads the page and keeps the scroll position. */
function reload(): void {
  shownRevision = revisionOf(shown);
  const inner = view.contentWindow;
  const [x, y] = [inner?.scrollX ?? 0, inner?.scrollY ?? 0];
  view.addEventListener("load", () => view.contentWindow?.scrollTo(x, y), { once: true });
  inner?.location.reload();
}

/** How long the folders are that all pages are in: they say nothing of any of them. */
function shared(paths: readonly string[]): number {
  const folders = paths.map((path) => path.split("/").slice(0, -1));
  const [first = []] = folders;
  const differs = first.findIndex((name, at) => folders.some((other) => other[at] !== name));
  const common = differs < 0 ? first : first.slice(0, differs);
  return common.reduce((length, name) => length + name.length + 1, 0);
}

function list(): void {
  const words = filter.value.toLowerCase();
  const paths = (told?.pages ?? []).map(({ path }) => path);
  const skipped = shared(paths);
  const pages = [GRAPH, ...paths];
  find("pages").replaceChildren(
    ...pages
      .filter((path) => path.toLowerCase().includes(words))
      .map((path) => {
        const item = document.createElement("li");
        const anchor = document.createElement("a");
        anchor.href = `#${encodeURIComponent(path)}`;
        anchor.textContent = path === GRAPH ? "graph of the targets" : path.slice(skipped);
        anchor.title = path;
        if (path === shown) anchor.setAttribute("aria-current", "page");
        item.append(anchor);
        return item;
      }),
  );
}

function status(text: string, mood: "" | "good" | "bad"): void {
  find("status").textContent = text;
  find("status").className = mood;
}

function hear(now: Told): void {
  told = now;
  const failures = now.failures.join("\n\n");
  find("failures").textContent = failures;
  overlay.hidden = failures === "" || failures === hidden;
  if (failures === "") hidden = "";
  find("notices").textContent = now.notices.join(" ");
  if (now.busy) status("looking …", "");
  else if (failures !== "") status(`${now.failures.length} failed`, "bad");
  else status("up to date", "good");
  list();
  const first = now.pages[0]?.path;
  if (shown === "" && !now.busy) show(first ?? GRAPH);
  else if (view.src === "" && shown !== "") show(shown);
  else if (revisionOf(shown) > shownRevision && (shown !== GRAPH || !now.busy)) reload();
}

function hide(): void {
  hidden = find("failures").textContent;
  overlay.hidden = true;
}

const source = new EventSource("events");
source.onmessage = ({ data }: MessageEvent<string>) => hear(JSON.parse(data) as Told);
source.onerror = () => status("aqm watch has ended, or cannot be reached", "bad");
filter.addEventListener("input", list);
find("hide").addEventListener("click", hide);
document.addEventListener("keydown", ({ key }) => {
  if (key === "Escape") hide();
});
addEventListener("hashchange", () => show(decodeURIComponent(location.hash.slice(1))));
