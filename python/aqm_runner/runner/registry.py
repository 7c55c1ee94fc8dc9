"""Which ops there are, and what each of them takes and makes.

`ops/<name>.json` declares the op whose module is `ops/<name>.py`, by `schemas/op.schema.json`. The
file is the only place that says it: this runner checks requests against it, aqm checks rules
against it. Reading it imports no op, and with it no torch, so that `hello` need not wait.
"""

import importlib
import json
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

FOLDER = Path(__file__).parent.parent / "ops"


@dataclass(frozen=True)
class Op:
    """The declaration of an op.

    Attributes:
        name: Name of its module.
        version: Raised when the same sources mean something new.
        uses_device: Whether it computes on the device of the job.
        tools: Distributions whose versions a record should name.
        inputs: Role to kind, "file" or "folder", of what every action of the op takes.
        inputs_by: Param to its values to further inputs, as `inputs`.
        optional_inputs: As `inputs`, of what an action may leave out.
        outputs: Role to kind.
        params: JSON Schema of the params.
        varies: The param in which actions that run as one batch may differ; None: no batches.
    """

    name: str
    version: int
    uses_device: bool
    tools: tuple[str, ...]
    inputs: dict[str, str]
    inputs_by: dict[str, dict[str, dict[str, str]]]
    optional_inputs: dict[str, str]
    outputs: dict[str, str]
    params: dict[str, Any]
    varies: str | None

    def required_inputs(self, params: dict[str, Any]) -> dict[str, str]:
        """Returns role to kind of what an action with these params, which are valid, must take."""
        required = dict(self.inputs)
        for param, by_value in self.inputs_by.items():
            if param in params:  # the rule may leave it out, and it need not be text
                value = params[param]
                name = value if isinstance(value, str) else json.dumps(value)
                required |= by_value.get(name, {})
        return required


def read_op(path: Path) -> Op:
    """Reads a declaration. A test holds every file against the schema, so this does not."""
    document = json.loads(path.read_text(encoding="utf-8"))
    return Op(
        name=path.stem,
        version=document["version"],
        uses_device=document["usesDevice"],
        tools=tuple(document["tools"]),
        inputs=document["inputs"],
        inputs_by=document.get("inputsBy", {}),
        optional_inputs=document.get("optionalInputs", {}),
        outputs=document["outputs"],
        params=document["params"],
        varies=document.get("varies"),
    )


OPS = {path.stem: read_op(path) for path in sorted(FOLDER.glob("*.json"))}
VERSIONS = {name: op.version for name, op in OPS.items()}


def load_op(name: str) -> ModuleType:
    """Imports and returns the module of an op that is in OPS."""
    return importlib.import_module(f"aqm_runner.ops.{name}")
