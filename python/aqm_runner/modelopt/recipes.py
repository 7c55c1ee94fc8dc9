"""Candidate formats in ModelOpt's own form."""

from dataclasses import dataclass, field
from typing import Any

from modelopt.torch.quantization import model_quant
from modelopt.torch.quantization.algorithms import QuantRecipe

from aqm_runner.modelopt.formats import native_config
from aqm_runner.runner.failures import bad_request
from aqm_runner.runner.partials import Partials


@dataclass(frozen=True)
class Format:
    """A candidate: its name, for messages, its config with native tuples, and ModelOpt's recipe.

    `partials` has its earlier measurements.
    """

    name: str
    config: dict[str, Any]
    recipe: QuantRecipe
    partials: Partials = field(default_factory=Partials)


def as_format(name: str, config: dict[str, Any]) -> Format:
    """Returns a format of a request.

    Raises bad_request `invalid_format` or `unsupported_algorithm` for what ModelOpt would refuse
    once the model is loaded, and then for all formats of the call.
    """
    native = native_config(config)
    try:
        recipe = QuantRecipe(native, name="CUSTOM")
    except (ValueError, TypeError, AssertionError) as error:
        raise bad_request(
            "invalid_format",
            f"ModelOpt does not take the config of {name}: {error}.",
            next_step="Compare it with the quantizer attributes of this ModelOpt.",
        ) from error
    algorithm = recipe.config.algorithm
    method = algorithm["method"] if isinstance(algorithm, dict) else algorithm
    if method not in model_quant._AUTO_QUANTIZE_SUPPORTED_ALGORITHMS:
        raise bad_request(
            "unsupported_algorithm",
            f"AutoQuantize does not calibrate with {method!r}, which {name} asks for.",
            next_step='Use "max", or another algorithm that it supports.',
        )
    return Format(name, native, recipe)
