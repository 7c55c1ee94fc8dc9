import { described } from "../formats/export-label.ts";
import type { PairQuantizers } from "../formats/quantizer.ts";
import {
  SERVED_DEVICES,
  type ServedAnswer,
  type ServedDevice,
  type ServedForm,
} from "../formats/served-answer.ts";
import { isLoaded, servedForm } from "../formats/served-forms.ts";
import { SERVED } from "../formats/served.ts";
import { EXPORT_NAMES, serviceMark, serviceReason, whatServes } from "../formats/what-serves.ts";
import script from "./client/formats.ts?script";
import { framedPage } from "./page-frame.ts";
import { html, lines, type Html } from "./shared/html.ts";

export interface FormatsPair {
  readonly name: string;
  readonly quantizers: PairQuantizers;
}

const EXPORTS = ["modelopt", "compressed_tensors"] as const;
const DEVICES = Object.keys(SERVED_DEVICES) as ServedDevice[];

/** One HTML file with what vLLM said of every pair, export format and device: the same bytes for the same data. */
export function formatsPage(pairs: readonly FormatsPair[]): string {
  const served = pairs.filter(({ quantizers }) => whatServes(quantizers).by === "vllm");
  return framedPage({
    title: "Formats that vLLM takes",
    subtitle: `vLLM ${SERVED.vllm}, asked of ${SERVED.model}`,
    skip: { id: "pairs", text: "To the table of pairs" },
    summary: html`<p><strong>${served.length} of ${pairs.length} pairs</strong> are loaded by vLLM from one of the two export formats: ${served.map(({ name }) => name).join(", ")}. The others are for analysis only.</p>
<p>Loaded strictly means: vLLM's own code read the config, chose a kernel, loaded all weights with its tracking on, and holds what the files hold. Nothing was run. GPUs are invented: vLLM chose its kernels for their compute capability on a machine without one.</p>`,
    links: [
      { id: "pairs", text: "Pairs" },
      { id: "answers", text: "Answers" },
      { id: "reasons", text: "Reasons" },
    ],
    sections: [pairsTable(pairs), answersTable(SERVED.forms), reasonsSection(SERVED.forms)],
    script,
  });
}

function pairsTable(pairs: readonly FormatsPair[]): Html {
  const rows = pairs.map(({ name, quantizers }) => {
    const service = whatServes(quantizers);
    const cells = EXPORTS.map((exported) => {
      const form = servedForm(quantizers, exported);
      return html`<td>${form === undefined ? "no form" : verdict(form)}`;
    });
    return html`<tr><th scope=row>${name}<td>${described(quantizers.weight)}<td>${described(quantizers.input)}${cells}<td><strong>${serviceMark(service)}</strong><br><small>${serviceReason(service)}</small>`;
  });
  return html`<section id=pairs aria-labelledby=pairs-title><h2 id=pairs-title>Pairs</h2>
<p class=quiet>“No form”: the export format cannot say what the pair computes.</p>
<div class=scroll tabindex=0 role=region aria-labelledby=pairs-title><table class=plain><thead><tr><th scope=col>Pair<th scope=col>Weights<th scope=col>Activations${EXPORTS.map((exported) => html`<th scope=col>${EXPORT_NAMES[exported]}`)}<th scope=col>Served by</thead><tbody>${lines(rows)}</tbody></table></div></section>`;
}

/** In a word: on how many GPUs vLLM loads it. */
function verdict({ devices, obtained }: ServedForm): string {
  if (devices === null) return obtained;
  const gpus = DEVICES.filter((device) => SERVED_DEVICES[device] !== null);
  const loaded = gpus.filter((device) => isLoaded(devices[device]));
  if (loaded.length === gpus.length) return "loaded on all GPUs";
  return loaded.length === 0 ? "rejected" : `loaded on ${loaded.map(deviceName).join(", ")}`;
}

function answersTable(forms: readonly ServedForm[]): Html {
  const rows = forms.map(({ exported, label, weights, activations, obtained, devices }) => {
    const cells =
      devices === null
        ? html`<td colspan=${DEVICES.length}>${obtained}`
        : DEVICES.map((device) => html`<td>${answerText(devices[device])}`);
    const name = label === null ? "" : html`<br><small>${label}</small>`;
    const by =
      devices === null || obtained === "exported"
        ? ""
        : html`<br><small>written ${obtained}</small>`;
    return html`<tr><th scope=row>${EXPORT_NAMES[exported]}${name}<td>${weights}<td>${activations}${by}${cells}`;
  });
  return html`<section id=answers aria-labelledby=answers-title><h2 id=answers-title>Answers</h2>
<p class=quiet>Every form in which a pair, or a granularity of one, can be exported. A number is the level that rejected it: 2 engine config, 3 build, 4 load, 5 scales, 6 parameters. “Written by the library alone”: ModelOpt makes NVFP4 on a GPU only, so the library compressed-tensors wrote these files by itself.</p>
<div class=scroll tabindex=0 role=region aria-labelledby=answers-title><table class=plain><thead><tr><th scope=col>Export<th scope=col>Weights<th scope=col>Activations${DEVICES.map((device) => html`<th scope=col>${deviceName(device)}`)}</thead><tbody>${lines(rows)}</tbody></table></div></section>`;
}

function answerText({ status, level }: ServedAnswer): string {
  if (status === "rejected") return `rejected at level ${level ?? "?"}`;
  return status === "not checked" ? "no kernel here" : "loads";
}

const deviceName = (device: ServedDevice): string => {
  const capability = SERVED_DEVICES[device];
  return capability === null ? "CPU" : capability.toFixed(1);
};

/** What vLLM said, each reason once. */
function reasonsSection(forms: readonly ServedForm[]): Html {
  const reasons = new Map<string, string[]>();
  for (const { exported, label, weights, activations, devices } of forms) {
    for (const device of devices === null ? [] : DEVICES) {
      const reason = devices?.[device].reason ?? null;
      if (reason === null) continue;
      const form = `${EXPORT_NAMES[exported]} ${label ?? `${weights}, ${activations}`}`;
      const where = reasons.get(reason) ?? [];
      reasons.set(reason, [...where, `${form} on ${deviceName(device)}`]);
    }
  }
  const rows = [...reasons].map(
    ([reason, where]) => html`<tr><td><code>${reason}</code><td>${where.join("; ")}`,
  );
  return html`<section id=reasons aria-labelledby=reasons-title><h2 id=reasons-title>Reasons</h2>
<div class=scroll tabindex=0 role=region aria-labelledby=reasons-title><table class=plain><thead><tr><th scope=col>What vLLM said<th scope=col>Of</thead><tbody>${lines(rows)}</tbody></table></div></section>`;
}
