"""INC's own configuration of an op in INT8, and the observers that belong to it."""

from collections.abc import Iterable
from typing import Any

from aqm_runner.runner.failures import bad_request

STATIC = "post_training_static_quant"
FP32 = {"activation": {"dtype": "fp32"}, "weight": {"dtype": "fp32"}}


def check_format(name: str, config: dict[str, Any]) -> None:
    """Refuses a format that INC's operators have no kernel for.

    Args:
        name: For messages.
        config: `{"weight": {"num_bits", "axis"}, "input": {"num_bits", "axis"}}`.

    Raises:
        RunnerError: bad_request `unsupported_format`.
    """
    if config["weight"]["axis"] != 0:
        raise bad_request(
            "unsupported_format",
            f"Intel Neural Compressor rounds the weights of {name} with a scale for each output; "
            "one scale for the whole weight is asked for.",
            next_step="Set the axis of the weight quantizer to 0.",
        )


def adaptor(workspace: str = ".") -> Any:
    """Returns INC's adaptor of PyTorch's FX graph mode, without bfloat16.

    On processors with bfloat16 INC would replace an op by that instead of float32.
    """
    from neural_compressor.adaptor import FRAMEWORKS

    return FRAMEWORKS["pytorch_fx"](
        {
            "device": "cpu",
            "approach": STATIC,
            "random_seed": 0,
            "workspace_path": workspace,
            "q_dataloader": None,
            "use_bf16": False,
            "default_qconfig": None,
            "recipes": {},
        }
    )


def int8(type_: str) -> dict[str, Any]:
    """Returns the configuration with which INC's tuning starts for an op of a type in INT8.

    INC says what an op can have (`pytorch_cpu.yaml`), best first: weights symmetric with a scale
    for each output, inputs with a zero point and a range by Kullback-Leibler divergence.

    Args:
        type_: As INC calls it, such as "Linear".
    """
    able = adaptor().query_handler.get_quantization_capability("int8")["static"][type_]
    first = {
        part: {key: value[0] if isinstance(value, list) else value for key, value in which.items()}
        for part, which in able.items()
    }
    first["activation"]["quant_mode"] = "static"
    return first


def qconfigs(types: Iterable[str]) -> dict[str, Any]:
    """Returns torch's QConfig for each type of op, made by INC's function from `int8`."""
    from neural_compressor.adaptor.pytorch import _cfg_to_qconfig

    configured = {(type_, type_): int8(type_) for type_ in types}
    made = _cfg_to_qconfig({"op": configured}, STATIC)
    return {type_: made[type_] for type_, _ in configured}
