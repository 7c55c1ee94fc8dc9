"""Which ops there are, and what each of them takes and makes.

`ops/<name>.json` declares the op whose module is `ops/<name>.py`, by `schemas/op.schema.json`. The
file is the only place that says it: this runner checks requests against it, aqm checks rules
against it. Reading it imports no op, and with it no torch, so that `hello` need not wait.
"""

import contextlib
import gc
import importlib
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from aqm_runner.runner.bytecode import keep_bytecode
from aqm_runner.runner.documents import DocumentError, read_document
from aqm_runner.runner.failures import RunnerError, bad_request

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
        varies: The param, or the role of the input, in which actions that run as one batch may
            differ; None: no batches.
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
    """Reads a declaration; raises bad_request `unreadable_op` naming it.

    A test holds every file against the schema, so this does not.
    """
    try:
        document = read_document(path)
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
    except (DocumentError, KeyError, TypeError, AttributeError) as error:
        lacking = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise bad_request(
            "unreadable_op",
            f"The declaration ops/{path.name} of the runner cannot be used: {lacking}.",
            file=f"ops/{path.name}",
            next_step="Correct it by schemas/op.schema.json, or remove it with the op's module.",
        ) from error


class Ops(Mapping[str, Op]):
    """Name to declaration of every op, read when it is asked for: a broken one harms no other.

    Args:
        folder: The folder of the declarations.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[str, Op] = {}

    def __getitem__(self, name: str) -> Op:
        if name not in self:
            raise KeyError(name)
        if name not in self._read:
            self._read[name] = read_op(self._folder / f"{name}.json")
        return self._read[name]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and (self._folder / f"{name}.json").is_file()

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(path.stem for path in self._folder.glob("*.json")))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def versions(self) -> dict[str, int]:
        """Returns name to version of every op whose declaration can be read."""
        found = {}
        for name in self:
            with contextlib.suppress(RunnerError):
                found[name] = self[name].version
        return found


OPS = Ops(FOLDER)


def load_op(name: str) -> ModuleType:
    """Imports and returns the module of an op that is in OPS."""
    module = f"aqm_runner.ops.{name}"
    if module in sys.modules:
        return sys.modules[module]
    keep_bytecode()
    # A module is no garbage while it is imported, and to look for garbage among those of PyTorch
    # and ModelOpt takes an eighth of the time: 12.1 s of CPU with, 10.2 s without (3 imports each).
    # They stay as long as this process, so the collector passes over them from now on: a whole
    # collection, of which scoring does one a group, took 0.4 s among them.
    gc.collect()  # or a model that an earlier op left would stay with them, in the device's memory
    gc.disable()
    try:
        loaded = importlib.import_module(module)
        gc.freeze()
        return loaded
    finally:
        gc.enable()
