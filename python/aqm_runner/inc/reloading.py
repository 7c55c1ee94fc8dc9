"""INC's saved model, loaded again in a process that knows nothing of how it was made."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

from aqm_runner.inc.fitting import int8_ops, loss
from aqm_runner.inc.library import settled
from aqm_runner.model.batches import Batch
from aqm_runner.model.checkpoint import load_model
from aqm_runner.model.determinism import make_deterministic
from aqm_runner.runner.failures import gate_failed
from aqm_runner.runner.places import Place


def main(arguments: list[str]) -> None:
    """Writes what the saved model is as JSON.

    Args:
        arguments: Folders of checkpoint and saved model, file of the batches, file to write.
    """
    checkpoint, saved, batches, answer = map(Path, arguments)
    make_deterministic("cpu")
    from neural_compressor.utils.pytorch import load

    with settled():
        # The file holds no class of the model: it is loaded into the float32 model.
        plain = load_model(Place(checkpoint, "folder", checkpoint.name), "float32", "cpu")
        model = load(str(saved), plain)
        held = [Batch(inputs, labels) for inputs, labels in torch.load(batches, weights_only=True)]
        found = {"int8_ops": int8_ops(model), "loss": loss(model, held)}
    answer.write_text(json.dumps(found), encoding="utf-8")


_PROGRAM = f"""
import sys
sys.path[:] = {{path!r}}
from {main.__module__} import main
main(sys.argv[1:])
"""


def reloaded(checkpoint: Path, saved: Path, batches: list[Batch]) -> dict[str, Any]:
    """Returns `int8_ops` (sorted paths) and `loss` (nats a token) of a saved model.

    Args:
        checkpoint: Folder of the float32 model.
        saved: Folder that INC saved to.
        batches: What the loss is measured on.

    Raises:
        RunnerError: gate_failed `not_reloaded` where the other process fails.
    """
    with tempfile.TemporaryDirectory(prefix="aqm-inc-") as scratch:
        held, answer = Path(scratch, "batches.pt"), Path(scratch, "answer.json")
        torch.save([(batch.inputs, batch.labels) for batch in batches], held)
        program = _PROGRAM.format(path=sys.path)
        command = [sys.executable, "-c", program, *map(str, (checkpoint, saved, held, answer))]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0 or not answer.exists():
            raise gate_failed(
                "not_reloaded",
                f"The saved model cannot be loaded again: {done.stderr.strip()[-500:]}",
                next_step="Report it: INC saved what it cannot read.",
            )
        return json.loads(answer.read_text(encoding="utf-8"))
