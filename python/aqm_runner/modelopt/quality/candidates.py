"""The candidates of a request, in ModelOpt's form."""

from typing import Any

from aqm_runner.modelopt.formats import MAX, check_format
from aqm_runner.modelopt.recipes import Format, as_format
from aqm_runner.quality.plans import NONE
from aqm_runner.runner.failures import bad_request


def read_candidates(given: list[dict[str, Any]], device: str) -> list[Format]:
    """Returns the candidates in ModelOpt's form.

    Raises bad_request `candidate_twice`, `unsupported_algorithm`, and what `check_format` and
    `as_format` raise.
    """
    formats = []
    for each in given:
        name, config = each["name"], each["config"]
        check_format(name, config, device)
        if name == NONE or name in [format_.name for format_ in formats]:
            raise bad_request(
                "candidate_twice",
                f"The candidate {name} is there twice; {NONE} is always one.",
                next_step="Name each candidate once.",
            )
        if config["algorithm"] not in (*MAX, None):
            raise bad_request(
                "unsupported_algorithm",
                f"The candidate {name} is calibrated by {config['algorithm']!r}; how a server "
                'fuses layers is simulated for "max" alone.',
                next_step='Use candidates with the algorithm "max".',
            )
        formats.append(as_format(name, config))
    return formats
