import { yamlText, type YamlValue } from "../text/yaml.ts";
import type { QuantConfig } from "./quant-config.ts";

/** A bit plan as a ModelOpt PTQ recipe: `load_recipe(path).quantize` goes to `mtq.quantize`. */
export function recipeYaml(description: string, { quant_cfg, algorithm }: QuantConfig): string {
  return yamlText(
    {
      metadata: { recipe_type: "ptq", description },
      quantize: { algorithm, quant_cfg: quant_cfg.map((entry) => plain(entry)) },
    },
    { integerKeys: true },
  );
}

/** An interface has no index signature; what it holds is plain data all the same. */
const plain = (value: object): YamlValue => value as { readonly [key: string]: YamlValue };
