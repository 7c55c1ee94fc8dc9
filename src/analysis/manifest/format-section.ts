import { numberName, scaleGroup, type PairQuantizers } from "../formats/quantizer.ts";
import { activationBits, chargedBits, weightStorage } from "../formats/storage.ts";
import { pyFloat, pyObject, type PyObject } from "../python-json/value.ts";

/**
 * What a format really costs, beside what the search charges for it: bits of a weight, bits of scales
 * for each weight, row, column and tensor, and the activations' bits apart.
 */
export function formatObject(quantizers: PairQuantizers): PyObject {
  const { weight, input } = quantizers;
  const storage = weightStorage(weight);
  return pyObject([
    ["charged_bits", pyFloat(chargedBits(quantizers))],
    ["weight_number", numberName(weight)],
    ["weight_scale_for_each", scaleGroup(weight)],
    ["weight_bits", pyFloat(storage.value)],
    [
      "scale_bits",
      pyObject([
        ["per_weight", pyFloat(storage.scalePerWeight)],
        ["per_row", pyFloat(storage.scalePerRow)],
        ["per_column", pyFloat(storage.scalePerColumn)],
        ["per_tensor", pyFloat(storage.scalePerTensor)],
      ]),
    ],
    ["activation_bits", pyFloat(activationBits(input))],
  ]);
}
