"""Outputs: the tensors that a network returns, and where in what it returns they are."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import torch
from torch import Tensor

from supernet.tracing.paths import Site

Place = tuple[Any, ...]
"""Keys, indices and field names that lead to a tensor; empty: the output is that tensor."""


@dataclass(frozen=True, kw_only=True)
class Output:
    """One tensor that a network returned in a traced pass."""

    shape: torch.Size
    axes: tuple[Tensor | None, ...]
    """Labels of its dimensions."""
    maker: Site | None
    """The step that made it; None: the network did not."""


def find_tensors(output: Any) -> dict[Place, Tensor]:
    """All tensors in `output`: a tensor, or mappings, sequences and dataclasses that hold some."""
    if isinstance(output, Tensor):
        return {(): output}
    return {
        (key, *place): tensor
        for key, part in _parts(output)
        for place, tensor in find_tensors(part).items()
    }


def pick(output: Any, place: Place) -> Any:
    """What lies at `place` in `output`."""
    for key in place:
        output = dict(_parts(output))[key]
    return output


def _parts(output: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(output, Mapping):
        yield from output.items()
    elif isinstance(output, list | tuple):
        yield from enumerate(output)
    elif is_dataclass(output):
        yield from ((field.name, getattr(output, field.name)) for field in fields(output))
