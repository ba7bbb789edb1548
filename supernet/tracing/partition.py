"""Partition: labels that always appear together form a channel group."""

from dataclasses import dataclass

import torch
from torch import Tensor

from supernet.tracing.labelling import Labelling, Made
from supernet.tracing.labels import KEPT


@dataclass(frozen=True, kw_only=True)
class Group:
    """Channels that share one width."""

    size: int
    """Places in the group; a width keeps the first of them."""
    unit: int
    """Channels of each place, in the layer where they are fewest (1 unless channels are tied)."""
    layers: tuple[str, ...]
    """The modules that make these channels, in the order in which they run; see `Made.layer`."""
    num_positions: int
    """At how many positions of an image each channel is first computed."""

    @property
    def num_channels(self) -> int:
        """Channels at width 1.0, as the layers count them."""
        return self.size * self.unit


@dataclass(frozen=True, kw_only=True)
class Partition:
    """The groups, and the group and place of each label."""

    groups: tuple[Group, ...]
    group_of: Tensor
    """For each root label: its group, or -1 where it is kept; int64."""
    place_of: Tensor
    """For each root label: its place in the group; int64."""


def divide(labelling: Labelling) -> Partition:
    """Divide all labels into groups, in the order in which the network makes them.

    Two labels belong to one group if every vector contains both equally often: then no width
    empties a dimension, and any channel of a group can be exchanged for any other.
    """
    made = labelling.made_roots()
    vectors = _distinct_vectors(labelling, made[made != KEPT])
    class_of = _classes(vectors, made[made != KEPT], len(labelling.labels))
    order: dict[int, list[Made]] = {}
    for layer in labelling.made:
        for found in dict.fromkeys(class_of[labelling.labels.roots(layer.labels)].tolist()):
            if found >= 0:
                order.setdefault(found, []).append(layer)
    group_of = torch.full((len(labelling.labels),), -1)
    place_of = torch.zeros(len(labelling.labels), dtype=torch.int64)
    sizes = []
    for group, found in enumerate(order):
        members = made[class_of[made] == found]
        sizes.append(len(members))
        group_of[members] = group
        place_of[members] = torch.arange(len(members))
    units = _units(labelling, group_of, sizes)
    groups = [
        Group(
            size=size,
            unit=unit,
            layers=tuple(dict.fromkeys(made.layer for made in layers)),
            num_positions=layers[0].num_positions,
        )
        for size, unit, layers in zip(sizes, units, order.values(), strict=True)
    ]
    return Partition(groups=tuple(groups), group_of=group_of, place_of=place_of)


def _distinct_vectors(labelling: Labelling, elastic: Tensor) -> list[Tensor]:
    """The elastic roots of each vector, without duplicate vectors."""
    is_elastic = torch.zeros(len(labelling.labels), dtype=torch.bool)
    is_elastic[elastic] = True
    distinct = {}
    for vector in labelling.vectors.values():
        roots = labelling.labels.roots(vector)
        roots = roots[is_elastic[roots]]
        if len(roots):
            distinct[roots.numpy().tobytes()] = roots
    return list(distinct.values())


def _classes(vectors: list[Tensor], elastic: Tensor, num_labels: int) -> Tensor:
    """The class of each label, -1 for labels that are not elastic; refined vector by vector."""
    class_of = torch.full((num_labels,), -1)
    class_of[elastic] = 0
    class_sizes = [len(elastic)]
    for vector in vectors:
        roots, counts = vector.unique(return_counts=True)
        pairs = torch.stack([class_of[roots], counts], dim=1)
        kinds, kind_of, sizes = pairs.unique(dim=0, return_inverse=True, return_counts=True)
        for kind, (old, size) in enumerate(zip(kinds[:, 0].tolist(), sizes.tolist(), strict=True)):
            if size < class_sizes[old]:
                class_of[roots[kind_of == kind]] = len(class_sizes)
                class_sizes[old] -= size
                class_sizes.append(size)
    return class_of


def _units(labelling: Labelling, group_of: Tensor, sizes: list[int]) -> list[int]:
    """For each group, the entries of a place in the parameter where it has the fewest.

    Of heads, at least their features: a parameter with an entry for each head counts no channels.
    """
    units = [0] * len(sizes)
    for axis in (axis for axes in labelling.axes.values() for axis in axes if axis is not None):
        groups = group_of[labelling.labels.roots(axis)]
        found, counts = groups[groups >= 0].unique(return_counts=True)
        for group, count in zip(found.tolist(), counts.tolist(), strict=True):
            unit = count // sizes[group]
            units[group] = min(units[group], unit) if units[group] else unit
    for heads, num_features in labelling.heads.noted:
        groups = group_of[labelling.labels.roots(heads)]
        found, counts = groups[groups >= 0].unique(return_counts=True)
        for group, count in zip(found.tolist(), counts.tolist(), strict=True):
            units[group] = max(units[group], count // sizes[group] * num_features)
    return units
