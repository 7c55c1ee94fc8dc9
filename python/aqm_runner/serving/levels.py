"""vLLM's own code, asked level by level: config, engine, build, load, scales, parameters.

1 `model config`: vLLM reads config.json. 2 `engine config`: it knows the quantization and takes it
on this device. 3 `build`: it makes the model, with a kernel for each layer. 4 `load`: it loads the
weights, and with its tracking on, every parameter gets some. 5 `scales`: none keeps the NaN that
was put there before, which happens where one shard of a fused layer has no scale. 6 `parameters`:
they are what the files have. A folder that passes 4 may fail 5 or 6 without a word of vLLM's.

All is done on the CPU: vLLM repacks weights for a kernel only after these levels.
"""

import re
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from aqm_runner.serving.files import tensors_of
from aqm_runner.serving.parameters import Expert, Names, Stored, compare, quantized_layers

# Attention keeps scales of its own for a quantized cache, which these folders do not have.
_CACHE_SCALES = ".self_attn.attn."
_E8M0_NAN = 255
# As vLLM 0.33.0 says it: "Failed to find a kernel …", "Forced NVFP4 kernel … is not supported: …",
# "No WNA16 MoE backend supports the deployment configuration."
_NO_KERNEL = re.compile(
    r"[Ff]ind a kernel|[Nn]o kernel|[Kk]ernel \w+ is not supported|No [\w ]*MoE backend supports"
)


class RejectedError(Exception):
    """vLLM, or what it loaded, refused a folder.

    Args:
        level: Which one.
        reason: One line.
        trace: vLLM's traceback; None where it raised nothing.
    """

    def __init__(self, level: int, reason: str, trace: str | None = None) -> None:
        super().__init__(reason)
        self.level = level
        self.reason = reason
        self.trace = trace


def start() -> None:
    """Readies this process for building models: a group of one, which vLLM asks for."""
    from vllm.config import VllmConfig, set_current_vllm_config
    from vllm.distributed import init_distributed_environment, initialize_model_parallel

    meeting = Path(tempfile.mkdtemp()) / "meeting"
    with set_current_vllm_config(VllmConfig()):
        init_distributed_environment(1, 0, f"file://{meeting}", 0, backend="gloo")
        initialize_model_parallel(1, 1)


def check(folder: Path) -> dict[str, Any]:
    """Asks all levels about a folder.

    Returns:
        `level`, `reason` and `trace` of the level that refused, or None each; `by_default`: what
        vLLM says without its tracking; `unquantized`: layers with codes that vLLM would run as
        they are; `compared`: of level 6, None where that was not reached.
    """
    found: dict[str, Any] = {"unquantized": [], "compared": None}
    try:
        _ask(folder, found)
    except RejectedError as rejected:
        by_default = _by_default(folder, rejected)
        told = {"level": rejected.level, "reason": rejected.reason, "trace": rejected.trace}
        return found | told | {"by_default": by_default}
    return found | {"level": None, "reason": None, "trace": None, "by_default": "loads"}


def _ask(folder: Path, found: dict[str, Any]) -> None:
    model, load = _built(folder, track=True)
    with _level(4):
        files = tensors_of(folder)
    names = _names(model)
    found["unquantized"] = _unquantized(model, files, names)
    _spoil_scales(model)
    with _level(4):
        load()
    unfilled = sorted(_spoilt_scales(model))
    if unfilled:
        raise RejectedError(5, f"no tensor of the files fills a scale: {_listed(unfilled)}")
    parameters = {
        name: value for name, value in model.named_parameters() if _CACHE_SCALES not in name
    }
    compared = compare(files, parameters, names)
    found["compared"] = {
        "parameters": compared.parameters,
        "cast": compared.cast,
        "different": compared.different,
    }
    if compared.different:
        raise RejectedError(
            6, f"vLLM's parameters are not the file's: {_listed(compared.different)}"
        )


def _by_default(folder: Path, rejected: RejectedError) -> str:
    """Returns what vLLM says as it is used by default: without tracking, and nothing compared."""
    if rejected.level > 4:
        return "loads"
    if rejected.level == 4:
        try:
            _, load = _built(folder, track=False)
            with _level(4):
                load()
        except RejectedError as again:
            return f"rejected: {again.reason}"
        return "loads"
    return f"rejected: {rejected.reason}"


def _built(folder: Path, track: bool) -> tuple[torch.nn.Module, Any]:
    """Returns vLLM's model of a folder, without its weights, and what loads them."""
    from vllm.config import DeviceConfig, LoadConfig, VllmConfig, set_current_vllm_config
    from vllm.engine.arg_utils import EngineArgs
    from vllm.model_executor.model_loader import get_model_loader
    from vllm.model_executor.model_loader.utils import initialize_model
    from vllm.utils.torch_utils import set_default_torch_dtype

    with _level(1):
        arguments = EngineArgs(
            model=str(folder),
            dtype="bfloat16",
            skip_tokenizer_init=True,
            enforce_eager=True,
            max_model_len=256,
            trust_remote_code=False,
        )
        described = arguments.create_model_config()
    tracking = {"enable_weights_track": True} if track else {}
    how = LoadConfig(
        load_format="safetensors", model_loader_extra_config=tracking, use_tqdm_on_load=False
    )
    with _level(2):
        device = DeviceConfig(device="cpu")
        engine = VllmConfig(model_config=described, load_config=how, device_config=device)
    with _level(3), set_current_vllm_config(engine), set_default_torch_dtype(torch.bfloat16):
        model = initialize_model(engine)

    def load() -> None:
        with set_current_vllm_config(engine), set_default_torch_dtype(torch.bfloat16):
            get_model_loader(how).load_weights(model, described)

    return model, load


@contextmanager
def _level(level: int) -> Iterator[None]:
    """Turns what vLLM raises into a rejection at a level; a want of memory is none."""
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:
        if "can't allocate memory" in str(error):
            raise MemoryError(str(error)) from error
        raise RejectedError(level, _reason(error), traceback.format_exc()) from error


def _reason(error: Exception) -> str:
    """Returns an exception in one line; a bare assertion is named by its line of code."""
    text = " ".join(str(error).split())
    if not text:
        text = traceback.extract_tb(error.__traceback__)[-1].line or ""
    return f"{type(error).__name__}: {text}"


def lacks_kernel(reason: str) -> bool:
    """Returns whether a reason of level 3 is that the device has no kernel."""
    return _NO_KERNEL.search(reason) is not None


# --- Scales ---------------------------------------------------------------------------------------


def _scales(model: torch.nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    for name, parameter in model.named_parameters():
        if "_scale" in name and _CACHE_SCALES not in name:
            yield name, parameter.data


def _spoil_scales(model: torch.nn.Module) -> None:
    """Puts what no scale can be into every scale: NaN, or its code in scales that are exponents."""
    for _, scale in _scales(model):
        if scale.dtype == torch.uint8:
            scale.fill_(_E8M0_NAN)
        elif scale.dtype.is_floating_point:
            scale.copy_(torch.full(scale.shape, float("nan")).to(scale.dtype))


def _spoilt_scales(model: torch.nn.Module) -> Iterator[str]:
    for name, scale in _scales(model):
        exponents = scale.dtype == torch.uint8 and bool((scale == _E8M0_NAN).any())
        if exponents or (scale.dtype.is_floating_point and bool(scale.float().isnan().any())):
            yield name


# --- Layers ---------------------------------------------------------------------------------------


def _names(model: Any) -> Names:
    mapper = getattr(model, "hf_to_vllm_mapper", None)

    def rename(name: str) -> str | None:
        return name if mapper is None else next(iter(mapper.apply_list([name])), None)

    return Names(rename, getattr(model, "packed_modules_mapping", {}), dict(_experts(model)))


def _experts(model: torch.nn.Module) -> Iterator[tuple[str, Expert]]:
    """Yields the path of each layer of each expert in the files, once renamed, and its place."""
    for path, module in model.named_modules():
        mapping = getattr(module, "get_expert_mapping", None)
        if mapping is None:
            continue
        # "experts.w13_", "experts.0.w1.", 0, "w1", beside the layer's name in the model.
        parent = module.layer_name.removesuffix("experts")
        for prefix, layer, number, shard in mapping():
            own = prefix.rpartition(".")[2]
            name = f"{parent}{layer}".removesuffix(".")
            yield name, Expert(path, own, number, int(shard == "w3"))


def _unquantized(model: torch.nn.Module, files: dict[str, Stored], names: Names) -> list[str]:
    """Returns the layers of the files that hold codes and that vLLM takes for unquantized."""
    modules = dict(model.named_modules())
    found = []
    for layer in sorted(quantized_layers(files)):
        home = names.layer(layer, modules.__contains__)
        method = getattr(modules.get(home or ""), "quant_method", None)
        if method is None or type(method).__name__.startswith("Unquantized"):
            found.append(layer)
    return found


def _listed(names: list[str]) -> str:
    more = f"; and {len(names) - 5} more" if len(names) > 5 else ""
    return "; ".join(names[:5]) + more
