"""The op's scores against ModelOpt called directly, for both families of Qwen with images."""

import os
from pathlib import Path

import pytest
import yaml
from experts import make_experts
from material import config, scoring
from modelopt_direct import compare, direct_format

ROOT = Path(__file__).parents[2]
# Each scope, family and method is in one of these; `npm run test:engines` takes the others too.
REPRESENTATIVES = [
    ("qwen3_vl", "lm", ["FP8", "INT8_FP8", "INT4_WEIGHTS"], {}),
    ("qwen2_5_vl", "all_layers", ["FP8"], {"method": "kl_div", "score_size": 1}),
]
CASES = [
    ("qwen3_vl", "all_layers", ["INT8", "FP8_INT8", "INT4_WEIGHTS", "INT4_INT8"], {}),
    ("qwen2_5_vl", "lm", ["INT8", "FP8", "INT4_INT8"], {}),
    ("qwen2_5_vl", "all_layers", ["FP8", "INT4_INT8"], {}),
    # Both batches of captions scored: of four samples, and of two.
    ("qwen3_vl", "lm", ["FP8"], {"loss": "sample_sum", "padding": "longest", "score_size": 8}),
    ("qwen3_vl", "all_layers", ["INT8"], {"loss": "sample_sum", "padding": "longest"}),
    # Images of four samples, and of two, in a batch.
    ("qwen3_vl", "all_layers", ["INT8", "INT4_INT8"], {"batch_size": 4, "padding": "longest"}),
    ("qwen2_5_vl", "all_layers", ["FP8"], {"batch_size": 2, "loss": "sample_sum"}),
    ("qwen3_vl", "all_layers", ["FP8"], {"batch_size": 4, "method": "kl_div"}),
    ("qwen3_vl", "lm", ["INT8", "INT8_WEIGHTS", "INT4_INT8"], {"method": "kl_div"}),
    # The experts of a block are one layer, with a quantizer for the weights of each.
    ("qwen3_vl_moe", "lm", ["FP8", "INT8_WEIGHTS", "INT4_WEIGHTS", "INT4_INT8"], {}),
    ("qwen3_vl_moe", "all_layers", ["INT8", "FP8_INT8"], {}),
    ("qwen3_vl_moe", "lm", ["INT8"], {"method": "kl_div"}),
]
GROUPS = {
    "lm": {"qwen3_vl": 8, "qwen2_5_vl": 8, "qwen3_vl_moe": 6},
    "all_layers": {"qwen3_vl": 22, "qwen2_5_vl": 20, "qwen3_vl_moe": 20},
}
OFF = {"lm": ["*visual*", "*lm_head*"], "all_layers": []}


@pytest.fixture(scope="session")
def folders(checkpoints, tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("experts") / "qwen3_vl_moe"
    return checkpoints | {folder.name: make_experts(checkpoints["qwen3_vl"], folder)}


@pytest.mark.parametrize(
    ("family", "scope", "formats", "settings"),
    [
        *REPRESENTATIVES,
        *(pytest.param(*case, marks=pytest.mark.engines) for case in CASES),
    ],
)
def test_scores_of_a_batch_equal_lone_calls_of_modelopt(
    folders, lm_inputs, image_inputs, tmp_path, family, scope, formats, settings
):
    folder = folders[family]
    inputs = (lm_inputs if scope == "lm" else image_inputs) | {"checkpoint": folder}
    params = [scoring(scope, format_, **settings) for format_ in formats]
    direct = {name: direct_format(name) for name in formats}
    compare(inputs, params, direct, OFF[scope], GROUPS[scope][family], tmp_path)


@pytest.mark.engines
def test_every_pair_that_a_cpu_can_score_equals_a_lone_call(checkpoints, lm_inputs, tmp_path):
    """Five of the pairs, with each weight and each activation; AQM_SOAK=1 takes all."""
    params, direct = [], {}
    for path in sorted((ROOT / "conf/quant_pair").glob("*.yaml")):
        pair = yaml.safe_load(path.read_text())
        if pair["weight"] in ("fp4", "nvfp4", "mxfp4"):
            continue
        weight, activation = (pair["quantizers"][role] for role in ("weight", "input"))
        format_ = {"name": pair["name"], "config": config(weight, activation)}
        params.append(scoring("lm") | {"format": format_})
        direct[pair["name"]] = {
            "quant_cfg": [
                {"quantizer_name": "*", "enable": False},
                {"quantizer_name": "*weight_quantizer", "cfg": as_modelopt_has_it(weight)},
                *(
                    [{"quantizer_name": "*input_quantizer", "cfg": as_modelopt_has_it(activation)}]
                    if activation
                    else []
                ),
            ],
            "algorithm": pair["algorithm"],
        }
    assert len(direct) == 13
    if os.environ.get("AQM_SOAK") != "1":
        few = {"wfp8_afp16", "wfp8_aint8", "wint3_afp16", "wint4_aint4", "wint8_afp8"}
        params = [each for each in params if each["format"]["name"] in few]
        direct = {each["format"]["name"]: direct[each["format"]["name"]] for each in params}
    inputs = lm_inputs | {"checkpoint": checkpoints["qwen3_vl"]}
    compare(inputs, params, direct, OFF["lm"], GROUPS["lm"]["qwen3_vl"], tmp_path)


def as_modelopt_has_it(quantizer: dict) -> dict:
    bits, blocks = quantizer["num_bits"], quantizer.get("block_sizes")
    native = quantizer | {"num_bits": tuple(bits) if isinstance(bits, list) else bits}
    if blocks:
        native["block_sizes"] = {-1 if key == "-1" else key: size for key, size in blocks.items()}
    return native
