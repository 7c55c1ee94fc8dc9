"""Plan documents of a tiny model, as the op plan_quality takes them."""

import json
from pathlib import Path

Groups = dict[str, list[str]]


def groups_of(checkpoint: Path, scope: str) -> Groups:
    """Returns name and modules of the groups that a scope may quantize."""
    # Late: an environment without torch has tests as well, and reads conftest.py.
    from harness import place

    from aqm_runner.model.checkpoint import load_model
    from aqm_runner.scoring.grouping import group_layers, layers_of
    from aqm_runner.scoring.scopes import kept_layers

    model = load_model(place(checkpoint, "folder"), "float32", "cpu")
    groups = group_layers(layers_of(model), kept_layers(model, scope, scope == "all_layers"))
    return {next(iter(group.layers)): list(group.layers) for group in groups if group.enabled}


def in_turn(groups: Groups, *formats: str) -> list[str]:
    """Returns a plan that gives the formats to the groups in turn."""
    return [formats[index % len(formats)] for index in range(len(groups))]


def write_plans(path: Path, groups: Groups, **plans: list[str]) -> Path:
    """Writes a document of plans by name."""
    document = {
        "schema": 1,
        "groups": [{"name": name, "modules": modules} for name, modules in groups.items()],
        "plans": [{"name": name, "formats": formats} for name, formats in plans.items()],
    }
    path.write_text(json.dumps(document), encoding="utf-8")
    return path
