"""A table of the elastic channels of a network, and of those at full width and why."""

from collections import Counter
from collections.abc import Sequence

from torch import nn

from supernet.elastic.dims import Channels, Dim
from supernet.errors import ModelError

LITTLE = 0.2
"""An elastic share of the MACs below this is worth a warning."""
MAX_LAYERS = 3
"""Layers that a row names; further ones are only counted."""


def describe(
    model: nn.Module,
    channels: Channels,
    width_of: Sequence[int],
    low: tuple[int, ...],
    low_width: float,
) -> str:
    """Several lines: channel groups, their share of the network, what stays and why.

    `width_of` is the index of each group's width, `low` the places that each group keeps at the
    lower bound, `low_width`.
    """
    bound = f"at {low_width:g}"
    rows: list[tuple[str, ...]] = [("width", "channels", bound, "layers")]
    for group, width, kept in zip(channels.groups, width_of, low, strict=True):
        rows.append(
            (str(width), str(group.num_channels), str(kept * group.unit), _some(group.layers))
        )
    sizes = [max(len(row[column]) for row in rows) for column in range(3)]
    table = [
        "  ".join([*(cell.rjust(size) for cell, size in zip(row, sizes, strict=False)), row[3]])
        for row in rows
    ]
    shares = _shares(model, channels, low, bound)
    return "\n".join([_title(width_of), "", *table, "", *shares, *_kept(channels)])


def _title(width_of: Sequence[int]) -> str:
    groups, widths = len(width_of), len(set(width_of))
    title = f"{groups} channel group{_s(groups)}, {widths} width{_s(widths)}"
    return title + (f": a config has {widths}, or one for all" if widths > 1 else "")


def _s(count: int) -> str:
    return "" if count == 1 else "s"


def summarise(model: nn.Module, channels: Channels) -> list[str]:
    """A few lines: the elastic share of the MACs, what stays at full width and why."""
    share, num_groups = elastic_share(model, channels), len(channels.groups)
    lines = [
        f"{num_groups} channel group{_s(num_groups)}; {share:.1%} of the MACs are in elastic layers"
    ]
    warning = warning_of_little(model, channels)
    return [*lines, *([warning] if warning else []), *_kept(channels)]


def warning_of_little(model: nn.Module, channels: Channels) -> str | None:
    """A line for a network in which less than `LITTLE` is elastic."""
    share = elastic_share(model, channels)
    if share >= LITTLE:
        return None
    return (
        f"warning: only {share:.1%} of the MACs are in elastic layers, so that narrow subnets "
        "save little; what stays at full width is listed with its reason"
    )


def elastic_share(model: nn.Module, channels: Channels) -> float:
    """The part of the MACs that is in elastic layers, 0..1; counted as in `count_elastic`."""
    counts = count_elastic(model, channels, [group.size for group in channels.groups])
    return counts["elastic_macs"] / max(counts["macs"], 1)


def require_elastic(model: nn.Module, channels: Channels) -> None:
    """Raise ModelError, with the main reason, if no MACs are elastic."""
    if elastic_share(model, channels):
        return
    reason = "it has no hidden channels"
    for (operation, why), _, paths in _reasons(channels)[:1]:
        reason = f"{operation} in {paths[0]}: {why}"
    raise ModelError(
        f"some channels must be removable, but all stay ({reason}): "
        "change that layer, or vary the resolution alone with --width-range 1 1"
    )


def count_elastic(model: nn.Module, channels: Channels, kept: Sequence[int]) -> dict[str, int]:
    """Parameters and MACs: in total, in elastic tensors, and remaining where groups keep `kept`.

    Keys `params`, `elastic_params`, `kept_params` and the same with `macs`. One multiply-add of a
    convolution or a linear layer counts as one, for one image of the traced size; matrix products
    of activations (attention) do not count.
    """
    counts = dict.fromkeys(
        (f"{part}{what}" for part in ("", "elastic_", "kept_") for what in ("params", "macs")), 0
    )
    for name, parameter in model.named_parameters():
        dims = channels.dims.get(name, ())
        _count(counts, "params", parameter.numel(), dims, kept)
        _count(counts, "macs", channels.macs.get(name, 0), dims, kept)
    for macs, dims in channels.dynamic:
        _count(counts, "macs", macs, dims, kept)
    return counts


def _count(
    counts: dict[str, int],
    what: str,
    number: int,
    dims: Sequence[Dim | None],
    kept: Sequence[int],
) -> None:
    """Add the number to what there is, what is elastic and what remains."""
    elastic = [dim for dim in dims if dim is not None]
    counts[what] += number
    counts[f"elastic_{what}"] += number if elastic else 0
    for dim in elastic:
        number = number * int(dim.is_kept(kept).sum()) // len(dim.groups)
    counts[f"kept_{what}"] += number


def _shares(model: nn.Module, channels: Channels, low: Sequence[int], bound: str) -> list[str]:
    counts = count_elastic(model, channels, low)
    lines = []
    for what in ("macs", "params"):
        all_of, left = counts[what], counts[f"kept_{what}"]
        elastic = counts[f"elastic_{what}"] / max(all_of, 1)
        lines.append(
            f"{what}: {all_of:,} in all, {elastic:.1%} in elastic layers; "
            f"{left:,} ({left / max(all_of, 1):.1%}) left {bound}"
        )
    return lines


def _kept(channels: Channels) -> list[str]:
    lines = [
        f"  {number} channels, {operation} in {_some(paths)}: {why}"
        for (operation, why), number, paths in _reasons(channels)
    ]
    return ["kept at full width:", *lines] if lines else []


def _reasons(channels: Channels) -> list[tuple[tuple[str, str], int, list[str]]]:
    """Operation and reason, how many channels stay for it, and in which modules; most first."""
    numbers: Counter[tuple[str, str]] = Counter()
    paths: dict[tuple[str, str], list[str]] = {}
    for kept in channels.kept:
        key = kept.operation, kept.why
        numbers[key] += kept.num_channels
        paths.setdefault(key, []).append(kept.path or "the network itself")
    return [(key, number, paths[key]) for key, number in numbers.most_common()]


def _some(names: Sequence[str]) -> str:
    names = list(dict.fromkeys(names))
    more = len(names) - MAX_LAYERS
    return ", ".join(names[:MAX_LAYERS]) + (f" and {more} more" if more > 0 else "")
