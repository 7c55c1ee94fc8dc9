"""Level 6: are vLLM's parameters, after it loaded a folder, what the folder's files have?

A load that succeeds says little: vLLM casts, and takes the last of what does not fit. So every
tensor of the files is held against the parameter that it went to, dtype and values; where a
parameter holds the shards of a fused layer one after the other, it is cut apart again.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch

_WIDE = (torch.float32, torch.float16, torch.bfloat16)
# What packed weights unpack to: of fused layers vLLM keeps the last one, and does not read it.
_NOTES = ("weight_shape",)


@dataclass(frozen=True)
class Stored:
    """A tensor of a file, whose values are read when they are needed."""

    dtype: torch.dtype
    shape: tuple[int, ...]
    read: Callable[[], torch.Tensor]


@dataclass
class Comparison:
    """How parameters and files compare.

    Attributes:
        parameters: Of how many parameters this tells.
        cast: Tensors that are not quantized and that vLLM keeps in its own precision.
        different: A sentence for each difference.
    """

    parameters: int = 0
    cast: int = 0
    different: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Expert:
    """Where vLLM has a layer of an expert: all experts of a block are in one parameter.

    Attributes:
        layer: Path of the module that holds them.
        prefix: What the names of its parameters begin with, for layers of this kind: `w13_`, `w2_`.
        number: Of the expert, the first axis of the parameter.
        shard: Which of the layers that the parameter holds of an expert: gate 0, up 1.
    """

    layer: str
    prefix: str
    number: int
    shard: int


@dataclass(frozen=True)
class Names:
    """How the names of files become those of parameters.

    Attributes:
        rename: From a name in a file to vLLM's, before fusing; None where vLLM drops the tensor.
        fused: Last part of a fused layer's path, to those of its shards in the order of their rows.
        experts: Renamed path of each layer of each expert, to where vLLM has it.
    """

    rename: Callable[[str], str | None]
    fused: Mapping[str, Sequence[str]]
    experts: Mapping[str, Expert] = field(default_factory=dict)

    def expert(self, tensor: str) -> Expert | None:
        """Returns the place of a tensor of the files that is of an expert, or None."""
        renamed = self.rename(tensor)
        return None if renamed is None else self.experts.get(renamed.rpartition(".")[0])

    def layer(self, layer: str, there: Callable[[str], bool]) -> str | None:
        """Returns the path of vLLM's layer that a layer of the files is part of."""
        # A mapping is about tensors, so that it is asked for one.
        renamed = self.rename(f"{layer}.weight")
        if renamed is None:
            return None
        path = renamed.rsplit(".", 1)[0]
        if path in self.experts:
            return self.experts[path].layer
        return next((name for name in self._homes(path) if there(name)), None)

    def _homes(self, path: str) -> Iterator[str]:
        yield path
        parent, _, last = path.rpartition(".")
        for fused, shards in self.fused.items():
            if last in shards:
                yield f"{parent}.{fused}" if parent else fused

    def home(self, tensor: str, there: Callable[[str], bool]) -> str | None:
        """Returns the name of the parameter that a tensor of the files goes to."""
        renamed = self.rename(tensor)
        if renamed is None or "." not in renamed:
            return renamed if renamed is not None and there(renamed) else None
        path, leaf = renamed.rsplit(".", 1)
        if path in self.experts:
            expert = self.experts[path]
            name = f"{expert.layer}.{expert.prefix}{leaf}"
            return name if there(name) else None
        return next(
            (f"{home}.{leaf}" for home in self._homes(path) if there(f"{home}.{leaf}")), None
        )


def quantized_layers(files: Mapping[str, Stored]) -> set[str]:
    """Returns the layers whose weight is codes; by the files alone, not by what a config says."""
    found = set()
    for name, stored in files.items():
        layer, _, leaf = name.rpartition(".")
        if leaf == "weight_packed" or (leaf == "weight" and stored.dtype not in _WIDE):
            found.add(layer)
    return found


def compare(
    files: Mapping[str, Stored], parameters: Mapping[str, torch.Tensor], names: Names
) -> Comparison:
    """Holds all tensors of a folder against vLLM's parameters.

    Args:
        files: Name in the files to tensor.
        parameters: vLLM's name to parameter, as loaded and before vLLM repacks anything.
        names: How one becomes the other.
    """
    found = Comparison()
    quantized = quantized_layers(files)
    sources: dict[str, list[str]] = {}
    for name in files:
        home = names.home(name, parameters.__contains__)
        if home is not None:
            sources.setdefault(home, []).append(name)
        elif name.rpartition(".")[0] in quantized:
            found.different.append(f"{name}: vLLM has no parameter for it")
    order = {shard: index for shards in names.fused.values() for index, shard in enumerate(shards)}
    for home, parts in sources.items():
        found.parameters += 1
        found.different += _absent(home, parts, files, names)
        for expert, held, inside in _by_expert(parameters[home], parts, names):
            if expert is None:
                inside.sort(key=lambda name: order.get(_last(name), 0))
            _hold(found, files, quantized, home, held, inside, expert)
    found.different += _unfilled(parameters, sources)
    return found


def _hold(
    found: Comparison,
    files: Mapping[str, Stored],
    quantized: set[str],
    home: str,
    parameter: torch.Tensor,
    parts: Sequence[str],
    expert: int | None,
) -> None:
    """Adds what was found of the tensors that went to one parameter, or to an expert's part."""
    whole = expert is None
    for name, held in _cut(parameter, [(name, files[name]) for name in parts], whole):
        if held is None:
            found.different.append(
                f"{name}: {_told(files[name])} in the file, while vLLM's {home} is "
                f"{list(parameter.shape)}"
            )
            continue
        kept = name.rpartition(".")[0] not in quantized
        wrong, cast = _difference(files[name], held, kept)
        found.cast += cast
        if wrong is not None:
            found.different.append(f"{name}: {wrong}")


def _by_expert(
    parameter: torch.Tensor, parts: Sequence[str], names: Names
) -> Iterator[tuple[int | None, torch.Tensor, list[str]]]:
    """Yields each expert, what of a parameter it has, and its tensors in the order of shards.

    The whole parameter and None where it is not of experts.
    """
    experts: dict[int, list[tuple[int, str]]] = {}
    for name in parts:
        expert = names.expert(name)
        if expert is None:
            yield None, parameter, list(parts)
            return
        if name.rpartition(".")[2] not in _NOTES:
            experts.setdefault(expert.number, []).append((expert.shard, name))
    for number, inside in experts.items():
        held = parameter.detach()[number]
        # vLLM holds packed integers of experts with rows and columns exchanged.
        turned = getattr(parameter, "is_transposed", False) and held.dim() == 2
        own = [name for _, name in sorted(inside)]
        yield number, held.t().contiguous() if turned else held, own


def _last(name: str) -> str:
    """Returns `q_proj` for `….q_proj.weight`."""
    return name.rpartition(".")[0].rpartition(".")[2]


def _absent(
    home: str, parts: Sequence[str], files: Mapping[str, Stored], names: Names
) -> Iterator[str]:
    """Yields what the other shards of a fused layer lack that one of them has."""
    shards = names.fused.get(_last(home), ())
    leaf = home.rpartition(".")[2]
    parent = parts[0].rpartition(".")[0].rpartition(".")[0]
    for shard in shards:
        layer = f"{parent}.{shard}"
        there = f"{layer}.weight" in files or f"{layer}.weight_packed" in files
        if there and f"{layer}.{leaf}" not in files:
            yield f"{layer}.{leaf}: not in the file, though vLLM's {home} needs it"


def _unfilled(
    parameters: Mapping[str, torch.Tensor], sources: Mapping[str, Sequence[str]]
) -> Iterator[str]:
    """Yields the parameters of layers with weights in the files that no tensor went to."""
    filled = {home.rpartition(".")[0] for home in sources}
    for name in parameters:
        if name not in sources and name.rpartition(".")[0] in filled:
            yield f"{name}: a parameter of vLLM that no tensor of the file fills"


def _cut(
    parameter: torch.Tensor, parts: Sequence[tuple[str, Stored]], may_be_padded: bool
) -> Iterator[tuple[str, torch.Tensor | None]]:
    """Yields each tensor's name with its part of the parameter; None where none fits."""
    flat = parameter.detach().reshape(-1)
    sizes = [_elements(stored.shape) for _, stored in parts]
    if sum(sizes) == flat.numel():
        begin = 0
        for (name, _), size in zip(parts, sizes, strict=True):
            yield name, flat[begin : begin + size]
            begin += size
    elif len(parts) == 1 and sizes[0] == 1:
        for slot in flat:  # one scale of a layer that is fused in the file, once for each shard
            yield parts[0][0], slot.reshape(1)
    elif may_be_padded and len(parts) == 1 and _is_padded(parameter, parts[0][1].shape):
        yield parts[0][0], flat[: sizes[0]]  # rows of a vocabulary are padded
    else:
        # One slot for all shards: vLLM keeps the last, so that all have to be the same.
        for (name, _), size in zip(parts, sizes, strict=True):
            if name.rpartition(".")[2] not in _NOTES:
                yield name, flat if size == flat.numel() else None


def _is_padded(parameter: torch.Tensor, shape: tuple[int, ...]) -> bool:
    held = tuple(parameter.shape)
    return len(held) == len(shape) > 0 and held[1:] == shape[1:] and held[0] > shape[0]


def _elements(shape: Sequence[int]) -> int:
    return int(torch.Size(shape).numel())


def _difference(stored: Stored, held: torch.Tensor, kept: bool) -> tuple[str | None, bool]:
    """Returns what differs, or None; and whether the values were cast to vLLM's precision."""
    values = stored.read().reshape(-1)
    if values.dtype == held.dtype:
        if torch.equal(values.view(torch.uint8), held.contiguous().view(torch.uint8)):
            return None, False
        return f"{_distance(values, held)} after the load", False
    if stored.dtype in _WIDE and held.dtype in _WIDE:
        cast = values.to(held.dtype)
        # A scale must be what the file has; a kept weight may be in the server's precision.
        if torch.equal(cast, held) and (kept or torch.equal(cast.double(), values.double())):
            return None, kept
        return (
            f"{_told(stored)} in the file, {_short(held.dtype)} in vLLM: {_distance(values, held)}",
            False,
        )
    return f"{_short(stored.dtype)} in the file, {_short(held.dtype)} in vLLM", False


def _distance(values: torch.Tensor, held: torch.Tensor) -> str:
    apart = (values.double() - held.double()).abs()
    differing = int((apart > 0).sum() + apart.isnan().sum())
    return f"{differing} of {values.numel()} values differ, by up to {apart.nan_to_num().max():.3g}"


def _told(stored: Stored) -> str:
    return f"{_short(stored.dtype)} {list(stored.shape)}"


def _short(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
