"""Every family of language model: the op's scores against ModelOpt called directly, to the bit."""

import pytest
from material import scoring
from modelopt_direct import compare, direct_format

DENSE = ["llama", "mistral", "qwen3", "gemma3_text", "phi3"]
# Two layers: q with k and v, o, gate with up, down; or all experts of a block as one.
GROUPS = dict.fromkeys(DENSE, 8) | {"qwen3_moe": 6, "mixtral": 6, "llava": 8, "gemma3": 8}
BESIDE = {"llava": ["*vision_tower*", "*projector*"], "gemma3": ["*vision_tower*"]}
# With images, besides the 8 of the text: the head, the patches, 4 of each block, the projector's
# two of LLaVA, whose last block of vision is idle.
WITH_IMAGES = {"llava": 8 + 1 + 1 + 8 + 2, "gemma3": 8 + 1 + 1 + 8}
IDLE = {"llava": ["*vision_tower.encoder.layers.2.*"], "gemma3": []}


def case(*values, quick=False):
    return pytest.param(*values, marks=[] if quick else pytest.mark.engines)


@pytest.mark.parametrize(
    ("family", "formats", "settings"),
    [
        case("llama", ["FP8", "INT4_WEIGHTS"], {"padding": "longest"}),
        case("mixtral", ["INT8", "INT4_WEIGHTS"], {}, quick=True),
        *(case(family, ["FP8", "INT8_WEIGHTS", "INT4_INT8"], {}) for family in DENSE),
        case("qwen3_moe", ["FP8", "INT8_WEIGHTS", "INT4_INT8"], {}),
        case("mixtral", ["FP8", "INT4_INT8"], {"loss": "sample_sum", "padding": "longest"}),
        case("llava", ["FP8", "INT4_INT8"], {}),
        case("gemma3", ["FP8", "INT4_INT8"], {}),
        case("phi3", ["FP8"], {"method": "kl_div"}),
        case("qwen3_moe", ["INT8"], {"method": "kl_div"}),
    ],
)
def test_scores_on_text_equal_lone_calls_of_modelopt(
    tiny, lm_inputs, tmp_path, family, formats, settings
):
    params = [scoring("lm", format_, **settings) for format_ in formats]
    direct = {name: direct_format(name) for name in formats}
    off = [*BESIDE.get(family, []), "*lm_head*"]
    inputs = lm_inputs | {"checkpoint": tiny(family)}
    compare(inputs, params, direct, off, GROUPS[family], tmp_path)


@pytest.mark.parametrize(
    ("family", "formats", "settings"),
    [
        case("gemma3", ["INT8"], {"score_size": 1}),
        case("llava", ["FP8", "INT8", "INT4_WEIGHTS"], {}),
        case("gemma3", ["FP8", "INT4_INT8"], {"padding": "longest"}),
        case("llava", ["FP8"], {"method": "kl_div", "score_size": 1}),
        case("llava", ["INT8"], {"batch_size": 3, "padding": "longest"}),
        case("gemma3", ["FP8"], {"batch_size": 2, "loss": "sample_sum"}),
    ],
)
def test_scores_on_images_equal_lone_calls_of_modelopt(
    tiny, image_inputs, tmp_path, family, formats, settings
):
    params = [scoring("all_layers", format_, **settings) for format_ in formats]
    direct = {name: direct_format(name) for name in formats}
    inputs = image_inputs | {"checkpoint": tiny(family)}
    compare(inputs, params, direct, IDLE[family], WITH_IMAGES[family], tmp_path)
