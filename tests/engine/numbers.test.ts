import { expect, it } from "vitest";
import { numbersOf } from "../../rules/modelopt.ts";

/* What has to be compiled for formats, in words that `prepare_extensions` knows; any other word means all of it. */

const E4M3 = { num_bits: [4, 3] };
const blocks = (num_bits: unknown, scale_bits: unknown, type = "dynamic") => ({
  num_bits,
  block_sizes: { "-1": 16, type, scale_bits },
});
const candidate = (...quantizers: readonly unknown[]) => ({
  config: {
    quant_cfg: [
      { quantizer_name: "*", enable: false },
      ...quantizers.map((cfg) => ({ quantizer_name: "*weight_quantizer", cfg, enable: true })),
    ],
  },
});

it.each([
  [[candidate({ num_bits: 8, axis: 0 }, { num_bits: 8 })], ["int8"]],
  [
    [candidate(E4M3, E4M3), candidate({ num_bits: 4 })],
    ["fp8", "int4"],
  ],
  [[candidate(blocks([2, 1], [4, 3]))], ["nvfp4"]],
  [[candidate(blocks([2, 1], [8, 0]))], ["mxfp4"]],
  [[candidate(blocks([4, 3], [8, 0]))], ["other"]],
  [[candidate(blocks([2, 1], [4, 3], "static"), E4M3)], ["other", "fp8"]],
  [[candidate(null)], ["other"]],
  [[candidate([E4M3, E4M3])], ["other"]],
  [[candidate()], []],
])("%j needs %j", (candidates, words) => {
  expect(numbersOf(candidates)).toEqual(words);
});
