// How a build scales over one to eight GPUs, simulated by the scheduler that builds are made with, from the parts
// that were measured (tests/scaling/parts.ts): node bench/scaling.mjs [PART=SECONDS…]
import { build } from "esbuild";

const { outputFiles } = await build({
  entryPoints: [new URL("../tests/scaling/curve.ts", import.meta.url).pathname],
  bundle: true,
  format: "esm",
  platform: "node",
  write: false,
});
const code = Buffer.from(outputFiles[0].contents).toString("base64");
const { report, MEASURED } = await import(`data:text/javascript;base64,${code}`);
const parts = { ...MEASURED };
for (const word of process.argv.slice(2)) {
  const [name, value] = word.split("=");
  if (!(name in parts) || !Number.isFinite(Number(value)) || value === "") {
    console.error(`${word} is no PART=SECONDS; parts are ${Object.keys(parts).join(", ")}`);
    process.exit(2);
  }
  parts[name] = Number(value);
}
console.log(report(parts));
