"""A table of what is elastic in a network, and of what is not and why."""

from collections import Counter
from collections.abc import Sequence

from torch import nn

from supernet.channels import Channels

MAX_LAYERS = 3
"""Layers that a row names; the others are counted."""


def describe(
    model: nn.Module, channels: Channels, width_of: Sequence[int], low: tuple[int, ...]
) -> str:
    """Text of several lines: channel groups, their share of the network, what stays and why.

    `width_of` is the number of each group's width, `low` the places that each keeps at the lower
    bound.
    """
    rows: list[tuple[str, ...]] = [("width", "channels", "lowest", "layers")]
    for group, width, kept in zip(channels.groups, width_of, low, strict=True):
        rows.append(
            (str(width), str(group.num_channels), str(kept * group.unit), _some(group.layers))
        )
    sizes = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [
        "  ".join([*(cell.rjust(size) for cell, size in zip(row, sizes, strict=False)), row[3]])
        for row in rows
    ]
    return "\n".join([*lines, "", *_shares(model, channels, low), *_kept(channels)])


def count_elastic(model: nn.Module, channels: Channels, kept: Sequence[int]) -> dict[str, int]:
    """Parameters and MACs: all of them, in elastic tensors, and left where groups keep `kept`.

    Keys `params`, `elastic_params`, `kept_params` and the same with `macs`. One multiply-add of a
    convolution or a linear layer counts as one, for one image of the traced size; products of
    activations (attention) do not count.
    """
    counts = dict.fromkeys(
        (f"{part}{what}" for part in ("", "elastic_", "kept_") for what in ("params", "macs")), 0
    )
    for name, parameter in model.named_parameters():
        dims = channels.dims.get(name, ())
        left = parameter.numel()
        for dim in dims:
            if dim is not None:
                left = left * int(dim.is_kept(kept).sum()) // len(dim.groups)
        for what, times in (("params", 1), ("macs", channels.num_positions.get(name, 0))):
            counts[what] += parameter.numel() * times
            counts[f"elastic_{what}"] += parameter.numel() * times if dims else 0
            counts[f"kept_{what}"] += left * times
    return counts


def _shares(model: nn.Module, channels: Channels, low: Sequence[int]) -> list[str]:
    counts = count_elastic(model, channels, low)
    return [
        f"{what}: {counts[f'elastic_{what}'] / max(counts[what], 1):.1%} in elastic layers, "
        f"{counts[f'kept_{what}'] / max(counts[what], 1):.1%} left at the lower bound"
        for what in ("macs", "params")
    ]


def _kept(channels: Channels) -> list[str]:
    numbers: Counter[tuple[str, str]] = Counter()
    paths: dict[tuple[str, str], list[str]] = {}
    for kept in channels.kept:
        key = kept.operation, kept.why
        numbers[key] += kept.num_channels
        paths.setdefault(key, []).append(kept.path or "the network itself")
    lines = [
        f"  {number} channels, {operation} in {_some(paths[operation, why])}: {why}"
        for (operation, why), number in numbers.most_common()
    ]
    return ["kept at full width:", *lines] if lines else []


def _some(names: Sequence[str]) -> str:
    names = list(dict.fromkeys(names))
    more = len(names) - MAX_LAYERS
    return ", ".join(names[:MAX_LAYERS]) + (f" and {more} more" if more > 0 else "")
