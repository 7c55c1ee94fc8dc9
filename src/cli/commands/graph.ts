import { availableParallelism } from "node:os";
import { disk } from "../../host/disk/disk.ts";
import { diskFailure } from "../../host/disk/disk-failure.ts";
import { EXIT } from "../../model/failure.ts";
import type { Failure } from "../../model/failure.ts";
import { widthOf } from "../../plan/cost.ts";
import { pictureOf, type Picture } from "../../plan/picture.ts";
import { graphMermaid } from "../../ui/graph-mermaid.ts";
import { graphJson, graphText } from "../../ui/graph-text.ts";
import type { Arguments } from "../language/arguments.ts";
import { pageParts, pageTitle } from "../views/page-parts.ts";
import { foresee } from "../session/foresee.ts";
import { openAsked } from "../session/asked.ts";
import { print, printFailures, printJson, standardOutput } from "../terminal/terminal.ts";

export async function run(args: Arguments): Promise<number> {
  const page = args.value("html");
  const forms = [args.flag("json"), args.flag("mermaid"), page !== undefined].filter(Boolean);
  if (forms.length > 1 || page === "") {
    printFailures([page === "" ? noFile : severalForms]);
    return EXIT.usage;
  }
  const session = await openAsked(args);
  if (!session.ok) {
    printFailures(session.error);
    return EXIT.usage;
  }
  const { plan } = await foresee(session.value);
  const width = widthOf(availableParallelism(), session.value);
  const picture = pictureOf(plan, session.value.expected, width);
  if (page !== undefined) return writePage(page, picture, args.targets);
  if (args.flag("json")) printJson(graphJson(picture));
  else if (args.flag("mermaid")) print(graphMermaid(picture));
  else print(graphText(picture, standardOutput.colours, args.flag("verbose")));
  return EXIT.done;
}

async function writePage(
  path: string,
  picture: Picture,
  targets: readonly string[],
): Promise<number> {
  const { graphPage } = await import("../../ui/graph-page.ts");
  const text = graphPage(picture, pageTitle(targets), pageParts("graph"));
  if (path === "-") {
    process.stdout.write(text);
    return EXIT.done;
  }
  try {
    disk.write(path, text);
  } catch (error) {
    printFailures([diskFailure(error, path)]);
    return EXIT.actionFailed;
  }
  return EXIT.done;
}

const severalForms: Failure = {
  reason: "usage",
  message: "--json, --mermaid and --html exclude each other",
  nextStep: "Ask for one of them.",
};

const noFile: Failure = {
  reason: "usage",
  message: "--html needs a file name",
  nextStep: "Write --html graph.html, or --html - for standard output.",
};
