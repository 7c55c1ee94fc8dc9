"""Reading a request: one line of JSON, checked against the schema shared with TypeScript."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from aqm_runner.runner.failures import bad_request
from aqm_runner.runner.places import Place
from aqm_runner.runner.registry import OPS, Op

SCHEMAS = Path(__file__).parent.parent / "schemas"
# The param by which a rule lets code of the input `checkpoint` run; only some ops declare it.
TRUST = "trust_remote_code"


@dataclass(frozen=True)
class Action:
    """One execution of an op; `partial` is the folder of its partial results, if any are kept."""

    id: str
    op: str
    params: dict[str, Any]
    inputs: dict[str, Place]
    outputs: dict[str, Place]
    partial: Path | None = None


@dataclass(frozen=True)
class Request:
    """One job; `device` is "cpu" or "cuda"; `log` is where it prints, None for where it was.

    `replicas` are further devices, each for a process beside this one: see `replicas.Replica`.
    """

    job: str
    device: str
    workspace: Path
    log: Path | None
    actions: list[Action]
    replicas: tuple[str, ...] = ()


def compile_schema(name: str) -> Draft202012Validator:
    """Returns the validator of `schemas/<name>.schema.json`."""
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    return Draft202012Validator(schema)


class RequestReader:
    """Turns lines into requests; holds the compiled schema."""

    def __init__(self) -> None:
        self._validator = compile_schema("request")

    def read(self, line: bytes) -> Request:
        """Returns the request in a line.

        Raises bad_request: `not_json`, `schema`, `unknown_op`, `op_version`, `duplicate_action`.
        """
        try:
            document = json.loads(line)
        except ValueError as error:
            raise bad_request(
                "not_json",
                f"The request is not one line of JSON: {error}.",
                next_step="Send one JSON document a line, in UTF-8.",
            ) from error
        _check(self._validator, document, "The request")
        actions = [_action(entry) for entry in document["actions"]]
        if len({action.id for action in actions}) != len(actions):
            raise bad_request(
                "duplicate_action",
                "Two actions of the request have the same id.",
                next_step="Give every action of a job an id of its own.",
            )
        log = Path(document["log"]) if "log" in document else None
        workspace = Path(document["workspace"])
        replicas = tuple(document.get("replicas", ()))
        return Request(document["job"], document["device"], workspace, log, actions, replicas)


def check_action(action: Action) -> None:
    """Checks params and roles against the op's declaration, and that every input is there.

    aqm has checked params and roles before, at each rule; another sender may not have.

    Raises bad_request: `schema`, `roles`, `missing_input`.
    """
    op: Op = OPS[action.op]
    _check(Draft202012Validator(op.params), action.params, f"Params of {action.op}")
    declared: list[tuple[str, dict[str, str], dict[str, str], dict[str, Place]]] = [
        ("input", op.required_inputs(action.params), op.optional_inputs, action.inputs),
        ("output", op.outputs, {}, action.outputs),
    ]
    for what, kinds, optional, places in declared:
        wrong = sorted(
            (set(kinds) - set(places)) | (set(places) - set(kinds) - set(optional))
        ) + sorted(
            role
            for role, place in places.items()
            if role in (kinds | optional) and place.kind != (kinds | optional)[role]
        )
        if wrong:
            raise bad_request(
                "roles",
                f"{action.op} has missing, unknown or wrongly typed {what} roles: "
                f"{', '.join(wrong)}.",
                next_step=f"ops/{action.op}.json declares these {what}s: {kinds | optional}.",
            )
    for place in action.inputs.values():
        place.require()


def _action(entry: dict[str, Any]) -> Action:
    op, version = entry["op"], entry["version"]
    if op not in OPS:
        raise bad_request(
            "unknown_op",
            f"There is no op {op} in this runner.",
            next_step=f"Use one of: {', '.join(OPS)}.",
        )
    if OPS[op].version != version:
        raise bad_request(
            "op_version",
            f"This runner started with version {OPS[op].version} of {op}; the request asks for "
            f"{version}.",
            next_step=f"Run the same command again: ops/{op}.json has changed since.",
        )
    places = {
        key: {role: _place(place) for role, place in entry[key].items()}
        for key in ("inputs", "outputs")
    }
    if entry["params"].get(TRUST) is True and "checkpoint" in places["inputs"]:
        places["inputs"]["checkpoint"] = replace(places["inputs"]["checkpoint"], trusted=True)
    partial = Path(entry["partial"]) if "partial" in entry else None
    return Action(entry["id"], op, entry["params"], places["inputs"], places["outputs"], partial)


def _place(entry: dict[str, Any]) -> Place:
    include = tuple(entry["include"]) if "include" in entry else None
    return Place(Path(entry["path"]), entry["kind"], entry["name"], include)


def _check(validator: Draft202012Validator, document: Any, what: str) -> None:
    error = best_match(validator.iter_errors(document))
    if error is not None:
        raise bad_request(
            "schema",
            f"{what}: {error.message} (at {error.json_path}).",
            next_step="Compare it with the JSON Schema that the runner ships.",
        )
