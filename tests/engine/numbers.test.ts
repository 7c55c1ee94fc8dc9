import { expect, it } from "vitest";
import { numbersOf } from "../../rules/modelopt.ts";

/* What has to be compiled for formats, in words that `prepare_extensions` knows; any other word means all of it. */

const E4M3 = { num_bits: [4, 3] };
const blocks = (num_bits: unknown, scale_bits: unknown, type = "dynamic") => ({
  num_bits,
  block_sizes: { "-1": 16, type, scale_bits },
});
const config = (...quantizers: readonly unknown[]) => ({
  quant_cfg: [
    { quantizer_name: "*", enable: false },
    ...quantizers.map((cfg) => ({ quantizer_name: "*weight_quantizer", cfg, enable: true })),
  ],
});

it.each([
  [[config({ num_bits: 8, axis: 0 }, { num_bits: 8 })], ["int8"]],
  [
    [config(E4M3, E4M3), config({ num_bits: 4 })],
    ["fp8", "int4"],
  ],
  [[config(blocks([2, 1], [4, 3]))], ["nvfp4"]],
  [[config(blocks([2, 1], [8, 0]))], ["mxfp4"]],
  [[config(blocks([4, 3], [8, 0]))], ["other"]],
  [[config(blocks([2, 1], [4, 3], "static"), E4M3)], ["other", "fp8"]],
  [[config(null)], ["other"]],
  [[config([E4M3, E4M3])], ["other"]],
  [[config()], []],
])("%j needs %j", (configs, words) => {
  expect(numbersOf(configs)).toEqual(words);
});
