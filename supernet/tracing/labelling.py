"""Labelling: which dimension of which tensor holds which channels; rules read and extend it.

Each dimension of a tensor has a vector of labels, one per entry, or None where every entry stays.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from supernet.tracing.call import Call
from supernet.tracing.heads import Heads
from supernet.tracing.labels import KEPT, Labels, compact
from supernet.tracing.shapes import num_values

TIED = "tied to channels that stay"

Axes = tuple[Tensor | None, ...]
"""Labels of one tensor: for each dimension a vector (size,), or None: every entry stays."""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """Channels that stay at full width, and why."""

    operation: str
    """The operation that requires it, such as `aten.view`."""
    path: str
    """The module in which it runs, such as `features.3`; empty: the network itself."""
    why: str
    """One line."""
    num_channels: int
    """How many channels it keeps that were not kept before."""


@dataclass(frozen=True, kw_only=True)
class Made:
    """Channels that a convolution or a matrix product made."""

    labels: Tensor
    operation: str
    path: str
    weight: str
    """The name of the parameter that was multiplied with."""
    num_positions: int
    """At how many positions of an image each of them is computed."""

    @property
    def layer(self) -> str:
        """The module's path; for what the network itself computes, the parameter's name."""
        return self.path or self.weight


@dataclass(frozen=True, kw_only=True)
class Dynamic:
    """A product with no parameter: with a buffer, or a kernel made of the image or by the code."""

    macs: int
    """Multiply-adds for one image."""
    axes: Axes
    """Labels of the kernel's channels; where it has none, of those that it makes."""


class Labelling:
    """The labels of all tensors of one network, and what follows from them.

    Args:
        model: the network whose parameters and buffers get labels.
        divisor: channels will be kept in multiples of this (decides how a grouped convolution
            shrinks).
        heads: see `Heads`.
    """

    def __init__(self, model: nn.Module, divisor: int, heads: Heads | None = None) -> None:
        self.divisor, self.heads = divisor, heads or Heads()
        self.labels = Labels()
        self.kept: list[Kept] = []
        self.made: list[Made] = []
        self.vectors: dict[int, Tensor] = {}
        """All vectors of labels that some dimension of some tensor had, by id."""
        self.axes: dict[str, Axes] = {}
        """Labels of the parameters and buffers that were used, by name."""
        self.macs: dict[str, int] = {}
        """For each weight: multiply-adds with it for an image, in the last pass."""
        self.dynamic: list[Dynamic] = []
        """The last pass's other products but those of two activations."""
        self.made_dims: dict[str, int] = {}
        """For each weight that makes channels: the dimension that holds them."""
        self.ordered: list[Tensor] = []
        """Labels of dimensions whose entries must keep their order: a kernel slides along them."""
        self.mixed: list[Tensor] = []
        """Labels of dimensions whose entries are combined other than by a product with weights."""
        self.losing_groups: set[str] = set()
        """Weights of grouped convolutions and group norms that shrink by whole groups."""
        named = [*model.named_parameters(), *model.named_buffers()]
        self._names = {id(tensor): name for name, tensor in named}
        self._parameters = {name for name, _ in model.named_parameters()}
        layers = [(p, m) for m in model.modules() for p in m.parameters(False)]
        self._memories = {_memory(parameter) for parameter in model.parameters()}
        self._layers = {id(parameter): layer for parameter, layer in reversed(layers)}
        self._computed: dict[int, str] = {}
        """For tensors computed from parameters alone (transposed, standardised): from which."""
        self._constants: dict[int, int] = {}
        """Tensors that code makes from nothing, or from parameters, and where their memory is."""
        self._culprits: dict[int, str] = {}
        """For those of them that have no labels: the operation in which the labels were lost."""
        self._axes: dict[int, Axes] = {}
        self._alive: list[Tensor] = []  # an id names a tensor only as long as it lives
        self._early: dict[int, tuple[tuple[str, str], str]] = {}
        """For labels of weights and constants that stay, but no product made: where, and why."""
        self._deferred: dict[int, tuple[tuple[Tensor | None, ...], tuple[str, str], str]] = {}
        """For tensors that number channels: which of them stay once it is used, where and why."""
        self.here = ("", "")
        """The operation that ran last and the path of the module in which it did."""
        self.alike: list[Tensor] = []
        """Labels that it made for entries that are all alike."""
        self._ever_alike: set[int] = set()
        """Those that any operation made for such entries."""

    def state(self) -> tuple[Labels, list[Kept], dict[int, tuple[tuple[str, str], str]]]:
        """Which labels are united and kept, and what is listed; see `restore`."""
        return self.labels.copy(), list(self.kept), dict(self._early)

    def restore(
        self, state: tuple[Labels, list[Kept], dict[int, tuple[tuple[str, str], str]]]
    ) -> None:
        """Go back to a `state`, after which no pass was traced."""
        self.labels, self.kept, self._early = state

    def begin_pass(self) -> None:
        """Count the multiply-adds of one more forward pass from zero."""
        self.macs, self.dynamic = {}, []

    def end_pass(self) -> None:
        """Forget the tensors of the pass; parameters, buffers and all labels remain."""
        self._alive.clear()
        self._axes.clear()
        self._computed.clear()
        self._constants.clear()
        self._culprits.clear()
        self._deferred.clear()

    def begin_operation(self, operation: str, path: str, inputs: Iterable[Tensor]) -> None:
        """Note which operation runs now, and in which module."""
        self.note_use(inputs)
        self.here = operation, path
        self.alike = []

    def axes_of(self, tensor: Tensor) -> Axes:
        """Labels of a tensor's dimensions; a parameter gets new ones the first time."""
        name = self._names.get(id(tensor))
        if name is None:
            return self._axes.get(id(tensor), (None,) * tensor.dim())
        if name not in self.axes:
            self.axes[name] = tuple(
                self._seen(self.labels.fresh(size)) if size > 1 else None for size in tensor.shape
            )
        return self.axes[name]

    def axes_without(self, tensor: Tensor, dims: Iterable[int], why: str) -> list[Tensor | None]:
        """Labels of a tensor's dimensions, but None for `dims`, whose channels are kept."""
        axes = list(self.axes_of(tensor))
        for dim in dims:
            self.keep(axes[dim], why)
            axes[dim] = None
        return axes

    def set_axes(self, tensor: Tensor, axes: Sequence[Tensor | None]) -> None:
        """Label a tensor that an operation returned; a dimension of size 1 needs no labels."""
        if id(tensor) in self._names:
            return
        self._alive.append(tensor)
        self._axes[id(tensor)] = tuple(
            self._seen(axis) if axis is not None and size > 1 else None
            for axis, size in zip(axes, tensor.shape, strict=True)
        )

    def layer_of(self, tensor: Tensor | None) -> nn.Module | None:
        """The first layer that has this parameter; None: it is no parameter."""
        return self._layers.get(id(tensor))

    def label_alike(self, tensor: Tensor, dims: Iterable[int], block: int = 1) -> None:
        """Give the entries along `dims` of a tensor, which are all alike, labels of their own.

        If it is blocks of so many entries that are alike, those of a block have one label.
        """
        axes = list(self.axes_of(tensor))
        for dim in dims:
            if tensor.shape[dim] > 1:
                fresh = self.labels.fresh(tensor.shape[dim] // block)
                labels = axes[dim] = fresh.repeat_interleave(block)
                self.alike.append(labels)
                self._ever_alike.update(labels.tolist())
        self.set_axes(tensor, axes)

    def are_alike(self, axis: Tensor) -> bool:
        """Whether these are entries that are all alike, and united with no others."""
        return self._ever_alike.issuperset(self.labels.roots(axis).tolist())

    def _seen(self, labels: Tensor) -> Tensor:
        """Record a vector: its channels appear together in one dimension."""
        self.vectors[id(labels)] = labels
        return labels

    def join(self, first: Tensor | None, second: Tensor | None, why: str) -> Tensor | None:
        """Unite two dimensions that must have the same channels; next to None, keep the other."""
        if first is not None and second is not None:
            self.unite(first, second, why)
            return first
        self.keep(first, why)
        self.keep(second, why)
        return first if first is not None else second

    def unite(self, first: Tensor, second: Tensor, why: str = TIED) -> None:
        """Unite channels entry by entry (shapes broadcast); list those that are kept thereby."""
        first, second = torch.broadcast_tensors(first, second)
        kept, other_kept = self.labels.is_kept(first), self.labels.is_kept(second)
        self._keep_beside(first[other_kept & ~kept], second[other_kept & ~kept], why)
        self._keep_beside(second[kept & ~other_kept], first[kept & ~other_kept], why)
        self.labels.unite(first, second)

    def tie_rows(self, table: Tensor, dim: int = 0) -> Tensor:
        """Unite the channels along `dim` of `table`; list those kept thereby; return one row."""
        distinct = compact(table)
        kept = self.labels.is_kept(distinct)
        free = kept.any(dim, keepdim=True) & ~kept
        self._keep_beside(distinct[free], distinct[kept], TIED)
        return self.labels.tie_rows(table, dim)

    def _keep_beside(self, axis: Tensor, beside: Tensor, why: str) -> None:
        """Keep channels that are united with kept ones, for the reason why these are, if known."""
        if len(axis):
            known = (self._early[label] for label in beside.tolist() if label in self._early)
            at, why = next(known, (self.here, why))
            self.keep(axis, why, at)

    def keep(self, axis: Tensor | None, why: str, at: tuple[str, str] | None = None) -> bool:
        """Keep these channels at full width and record why; return whether any could shrink before.

        `at` is the operation and the path of its module; None: the operation that runs now.
        """
        if axis is None:
            return False
        roots = self.labels.roots(axis).unique()
        free = roots[roots != KEPT]
        if not len(free):
            return False
        is_made = torch.isin(free, self.made_roots())
        everything = self.labels.roots(torch.arange(len(self.labels)))
        not_yet_made = torch.isin(everything, free[~is_made]).nonzero().flatten().tolist()
        self._early |= dict.fromkeys(not_yet_made, (at or self.here, why))
        self.labels.keep(free)
        if is_made.any():
            self.note_kept(why, int(is_made.sum()), at)
        return bool(is_made.any())

    def defer(self, tensor: Tensor, axes: Sequence[Tensor | None], why: str) -> None:
        """Keep these channels once an operation takes `tensor`, or the network returns it."""
        self._alive.append(tensor)
        self._deferred[id(tensor)] = tuple(axes), self.here, why

    def note_use(self, tensors: Iterable[Tensor]) -> None:
        """Keep the channels that were deferred until one of these tensors is used."""
        for tensor in tensors:
            axes, at, why = self._deferred.pop(id(tensor), ((), self.here, ""))
            for axis in axes:
                self.keep(axis, why, at)

    def note_kept(self, why: str, num_channels: int, at: tuple[str, str] | None = None) -> None:
        """List channels that stay at full width; `at` as in `keep`."""
        operation, path = at or self.here
        self.kept.append(Kept(operation=operation, path=path, why=why, num_channels=num_channels))

    def multiply(self, weight: Tensor, made: Tensor | None, macs: int) -> None:
        """Record a product with `weight` that takes so many multiply-adds for an image.

        `made` are the labels of the resulting channels.
        """
        name = self.weight_of(weight)
        if name in self._parameters:
            self.macs[name] = self.macs.get(name, 0) + macs
        else:
            axes = self.axes_of(weight)
            has_labels = any(axis is not None for axis in axes)
            self.dynamic.append(Dynamic(macs=macs, axes=axes if has_labels else (made,)))
        if name is not None and made is not None:
            found = set(self.labels.roots(made).tolist())
            for dim in self._dims_with(name, found)[:1]:
                self.made_dims[name] = dim
            self._note_kept_early(made)
            self.made.append(
                Made(
                    labels=made,
                    operation=self.here[0],
                    path=self.here[1],
                    weight=name,
                    num_positions=max(1, round(macs / num_values(weight))),
                )
            )

    def note_lost(self, weight: Tensor, num_channels: int) -> None:
        """List the channels that `weight` makes, if the labels of its parameters were lost."""
        culprit = self._culprits.get(id(weight))
        if culprit:
            self.note_once(f"its weight comes from {culprit}, which is not followed", num_channels)

    def note_once(self, why: str, num_channels: int) -> None:
        """List channels unless the same module has some for the same reason."""
        if all((kept.path, kept.why) != (self.here[1], why) for kept in self.kept):
            self.note_kept(why, num_channels)

    def _note_kept_early(self, made: Tensor) -> None:
        """List channels that were kept before they were made, with their weight's labels."""
        early = [self._early.pop(label) for label in made.tolist() if label in self._early]
        for (at, why), num_channels in Counter(early).items():
            self.note_kept(why, num_channels, at)

    def _dims_with(self, name: str, roots: set[int]) -> list[int]:
        """The dimensions of a weight that hold these channels."""
        axes = enumerate(self.axes[name])
        return [d for d, a in axes if a is not None and roots & set(self.labels.roots(a).tolist())]

    def name_of(self, tensor: Tensor) -> str | None:
        """The name of a parameter or buffer."""
        return self._names.get(id(tensor))

    def is_buffer(self, tensor: Tensor) -> bool:
        """Whether it is a buffer itself."""
        return self.name_of(tensor) is not None and self.name_of(tensor) not in self._parameters

    def weight_of(self, tensor: Tensor) -> str | None:
        """The parameter that a tensor is, or is computed from; None: it comes from the image."""
        return self._names.get(id(tensor)) or self._computed.get(id(tensor))

    def is_of_parameter(self, tensor: Tensor) -> bool:
        """Whether it is a parameter or a view of one, with the same values."""
        return _memory(tensor) in self._memories

    def is_constant(self, call: Call) -> bool:
        """Whether no input depends on the image."""
        return all(id(t) in self._constants or self.weight_of(t) for t in call.inputs)

    def follow_constants(self, call: Call) -> None:
        """Treat what is computed from constants alone as such, until data are written there."""
        if self.is_constant(call):
            self._constants |= {id(tensor): _memory(tensor) for tensor in call.outputs}
            self._alive.extend(call.outputs)
        elif call.is_in_place:
            changed = _memory(call.args[0])
            self._constants = {i: m for i, m in self._constants.items() if m != changed}

    def follow_weights(self, call: Call) -> None:
        """Treat what is computed from parameters alone as the largest of them."""
        found = [(tensor.numel(), self.weight_of(tensor)) for tensor in call.inputs]
        named = [(size, name) for size, name in found if name is not None]
        if not named or len(named) < len(found):
            return
        culprit = self._culprit(call)
        for tensor in call.outputs:
            if id(tensor) not in self._names:
                self._computed[id(tensor)] = max(named)[1]
                self._alive.append(tensor)
                if culprit and all(axis is None for axis in self.axes_of(tensor)):
                    self._culprits[id(tensor)] = culprit

    def _culprit(self, call: Call) -> str | None:
        """The operation in which the labels of weights were lost, if they are after this call.

        None where channels of the weights were already kept, and so listed.
        """
        for tensor in call.inputs:
            if id(tensor) in self._culprits:
                return self._culprits[id(tensor)]
        axes = [axis for tensor in call.inputs for axis in self.axes_of(tensor) if axis is not None]
        labels = torch.cat(axes).tolist() if axes else []
        early = next((self._early[label] for label in labels if label in self._early), None)
        if early is not None:
            return early[0][0]
        return call.operation if axes and bool(self.labels.roots(torch.cat(axes)).any()) else None

    def lose_groups(self, weight: Tensor) -> None:
        """Record that the layer with this weight shrinks by whole groups.

        A weight that is computed (by a parametrization) has the name of the layer's attribute.
        """
        if self.weight_of(weight):
            self.losing_groups.add(self._names.get(id(weight), f"{self.here[1]}.weight"))

    def made_roots(self) -> Tensor:
        """Roots of all labels that some product made, sorted: those of layers' outputs."""
        vectors = [made.labels for made in self.made] or [torch.zeros(0, dtype=torch.int64)]
        roots: Tensor = self.labels.roots(torch.cat(vectors)).unique()
        return roots


def _memory(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata  # type: ignore[no-any-return]
