"""A folder loaded in a process of its own, which knows nothing of how it was made."""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

from aqm_runner.autoround.loading import dtype_of, load_folder
from aqm_runner.runner.failures import gate_failed
from aqm_runner.runner.places import Place

_PROGRAM = """
import sys
sys.path[:] = {path!r}
from {module} import main
if __name__ == "__main__":
    main(sys.argv[1:])
"""
LAST_LINES = 800


def load_again(
    folder: Place, form: str, layers: list[str], prompts: list[Any], device: str
) -> dict[str, Any]:
    """Returns what a fresh process finds in a folder.

    Args:
        folder: What was written.
        form: "auto_round" or "llm_compressor".
        layers: Paths of the layers to ask.
        prompts: Inputs of the model, each of one sample.
        device: "cpu" or "cuda".

    Returns:
        `missing`, `unexpected` and `mismatched` (names of tensors), `dtype`, `weights` (path →
        float32 of (outputs, inputs), as the layer multiplies with) and `logits` of each prompt.

    Raises:
        RunnerError: gate_failed `does_not_load` with the last lines of what that process said.
    """
    with tempfile.TemporaryDirectory() as scratch:
        asked, answer = Path(scratch) / "asked.pt", Path(scratch) / "answer.pt"
        torch.save({"layers": layers, "prompts": prompts}, asked)
        program = _PROGRAM.format(path=sys.path, module=main.__module__)
        arguments = [str(folder.path), form, device, str(asked), str(answer)]
        done = subprocess.run(
            [sys.executable, "-c", program, *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0 or not answer.exists():
            said = " ".join(done.stderr.split())[-LAST_LINES:]
            raise gate_failed(
                "does_not_load",
                f"A fresh process does not load {folder.name}: {said}",
                file=folder.name,
                next_step="Report it, or choose the other form.",
            )
        return torch.load(answer, weights_only=True)


def main(arguments: list[str]) -> None:
    """Loads a folder and answers; see `load_again`."""
    path, form, device, asked_path, answer = arguments
    asked = torch.load(asked_path, weights_only=True)
    torch.set_num_threads(1)
    model, info = load_folder(Path(path), form, device)
    found: dict[str, Any] = {
        what: sorted(str(name) for name in info[f"{what}_keys"])
        for what in ("missing", "unexpected", "mismatched")
    }
    found["dtype"] = dtype_of(model)
    with torch.inference_mode():
        found["weights"] = {name: _weight(model.get_submodule(name)) for name in asked["layers"]}
        found["logits"] = [
            model(**{name: value.to(device) for name, value in prompt.items()}, use_cache=False)
            .logits[0]
            .float()
            .cpu()
            for prompt in asked["prompts"]
        ]
    torch.save(found, answer)


def _weight(layer: Any) -> torch.Tensor:
    """Returns the weight of any linear layer by what it makes of the unit vectors."""
    columns = layer.in_features if hasattr(layer, "in_features") else layer.infeatures
    some = next(each for each in layer.state_dict().values() if each is not None)
    dtype = torch.float32 if isinstance(layer, torch.nn.Linear) else torch.float16
    unit = torch.eye(columns, dtype=dtype, device=some.device)
    return (layer(unit) - layer(torch.zeros_like(unit[:1]))).T.float().cpu()
