"""Plans of the tiny checkpoint of any family, experts of a block as one layer."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness import place, run_op
from material import FORMATS, config, exporting, ranging
from plan_files import Groups, in_turn, write_plans

# Blocks of 128 fit no layer of these checkpoints, which are 64 wide, and no blocks those experts of
# Qwen3-MoE, which are 80 wide.
INT4_IN_32 = config({"num_bits": 4, "block_sizes": {"-1": 32, "type": "static"}}, None)
INT4_ROWS = config({"num_bits": 4, "axis": 0}, None)
CANDIDATES = FORMATS | {"INT4_IN_32": INT4_IN_32, "INT4_ROWS": INT4_ROWS}


def groups_with_experts(checkpoint: Path, scope: str) -> Groups:
    """Returns name and modules of the groups that a scope may quantize."""
    from aqm_runner.model.checkpoint import load_model
    from aqm_runner.model.stacked_experts import stacked_modules
    from aqm_runner.scoring.grouping import group_layers, layers_of
    from aqm_runner.scoring.scopes import kept_layers

    model = load_model(place(checkpoint, "folder"), "float32", "cpu")
    kept = kept_layers(model, scope, scope == "all_layers")
    groups = group_layers(layers_of(model) | stacked_modules(model), kept)
    return {next(iter(group.layers)): list(group.layers) for group in groups if group.enabled}


def family_exporting(scope: str, formats: Sequence[str]) -> dict[str, Any]:
    """Returns params of an export whose candidates are the formats, but for NONE."""
    params = exporting(scope)
    names = dict.fromkeys(name for name in formats if name != "NONE")
    return params | {"candidates": [{"name": name, "config": CANDIDATES[name]} for name in names]}


def family_export(
    op: str,
    inputs: dict[str, Path],
    scope: str,
    formats: Sequence[str],
    output: Path,
) -> dict[str, Any]:
    """Exports a plan that gives the formats to groups in turn into `output`; returns facts.

    Args:
        op: Name of the op.
        inputs: `checkpoint` and `database`, and for all_layers `images`.
        scope: "lm" or "all_layers".
        formats: Names of CANDIDATES, or NONE.
        output: A new folder.
    """
    run_op("input_ranges", ranging(scope), inputs, output)
    groups = groups_with_experts(inputs["checkpoint"], scope)
    # A convolution is a layer that no server quantizes.
    plan = [
        "NONE" if "patch_embed" in name else format_
        for name, format_ in zip(groups, in_turn(groups, *formats), strict=True)
    ]
    given = {
        "checkpoint": inputs["checkpoint"],
        "plan": write_plans(output / "plan.json", groups, scheme=plan),
        "ranges": output / "ranges",
    }
    return run_op(op, family_exporting(scope, formats), given, output)
