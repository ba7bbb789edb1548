"""Which layers of a CNN share which channels, found by running it once on labels.

A convolution makes new channels, so its outputs get new labels; an addition ties two sets of
labels together; a reshape carries labels along, because the very same reshape is applied to the
tensor of labels. Sets that were tied are one *channel group* with one width. What is not
understood keeps label `KEPT`: those channels stay at full width, whatever the config says.

The network runs on the meta device, so that tracing costs no arithmetic; it sees each operation
below the Python level (`TorchDispatchMode`), so control flow and in-place operations are no
special case.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from supernet.errors import ModelError

KEPT = 0
"""The label of channels that always stay: the image's, the classes', the not understood."""

aten = torch.ops.aten

RESHAPES = {aten.view, aten._unsafe_view, aten.clone, aten.detach}
"""Operations that move elements about: what they do to data they do to labels."""

ELEMENTWISE = {
    *(aten.add, aten.add_, aten.sub, aten.mul, aten.mul_, aten.div, aten.div_, aten.bernoulli_),
    *(aten.relu, aten.relu_, aten.hardtanh, aten.hardtanh_, aten.leaky_relu, aten.leaky_relu_),
    *(aten.sigmoid, aten.silu, aten.silu_, aten.gelu, aten.hardswish, aten.hardswish_),
    *(aten.hardsigmoid, aten.hardsigmoid_, aten.tanh, aten.elu, aten.empty_like),
}
"""Operations whose operands have the same channels."""

POOLINGS = {
    *(aten.max_pool2d_with_indices, aten.avg_pool2d, aten._adaptive_avg_pool2d, aten.mean),
    *(aten.upsample_nearest2d, aten.upsample_bilinear2d),
}
"""Operations that mix positions within a channel."""


@dataclass(frozen=True, kw_only=True)
class Dim:
    """One dimension of a parameter or buffer whose entries belong to channels."""

    groups: Tensor
    """Index of the group of each entry, or -1 where the entry is always kept; int64, (size,)."""
    positions: Tensor
    """Place of each entry in its group; it stays while this is below the kept count; (size,)."""

    @property
    def prefix_of(self) -> int | None:
        """The group whose first channels this dimension holds, in order; None if it is not so."""
        group = int(self.groups[0])
        in_order = torch.equal(self.positions, torch.arange(len(self.positions)))
        return group if group >= 0 and in_order and bool((self.groups == group).all()) else None


@dataclass(frozen=True, kw_only=True)
class Channels:
    """The channel groups of a network, and where each parameter and buffer belongs."""

    group_sizes: tuple[int, ...]
    """Channels of each group at width 1.0."""
    dims: dict[str, tuple[Dim | None, ...]]
    """For each parameter and buffer with elastic channels: one entry a dimension."""

    def selector(self, name: str) -> Callable[[Tensor, Sequence[int]], Tensor]:
        """A function that cuts the named tensor to the kept count of each group.

        It returns a view wherever the kept channels are a prefix, else an indexed copy; gradients
        reach the tensor through both.
        """
        dims = [(d, dim, dim.prefix_of) for d, dim in enumerate(self.dims.get(name, ())) if dim]

        def select(tensor: Tensor, kept_counts: Sequence[int]) -> Tensor:
            for d, dim, prefix_of in dims:
                if prefix_of is not None:
                    tensor = tensor.narrow(d, 0, kept_counts[prefix_of])
                else:
                    counts = torch.tensor([*kept_counts, len(dim.positions)])
                    index = (dim.positions < counts[dim.groups]).nonzero().flatten()
                    tensor = tensor.index_select(d, index.to(tensor.device))
            return tensor

        return select


def trace_channels(model: nn.Module, example_input: Tensor) -> Channels:
    """Find the channel groups of `model`.

    `example_input` is (batch, channels, side, side); only its shape matters. The model is not
    changed. Raises ModelError when the network cannot take that input.
    """
    meta = copy.deepcopy(model).to("meta").train()
    image = torch.empty(2, *example_input.shape[1:], device="meta")
    trace = _Trace(meta)
    trace.label(image, torch.tensor(KEPT).expand(image.shape))
    try:
        with torch.no_grad(), trace:
            output = meta(image)
    except (RuntimeError, ValueError, TypeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ModelError(
            f"the network must run on {tuple(example_input.shape)} images, but got: {reason}"
        ) from error
    trace.keep(tree_leaves(output))
    return trace.channels()


class _Trace(TorchDispatchMode):
    """Labels of all tensors that a forward pass makes, and the ties between labels."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.parents = [KEPT]  # union-find over labels; KEPT is always the root of its set
        named = [*model.named_parameters(), *model.named_buffers()]
        self.names = {id(tensor): (name, tuple(range(tensor.dim()))) for name, tensor in named}
        self.dims: dict[str, list[Tensor | None]] = {n: [None] * t.dim() for n, t in named}
        self.labels: dict[int, Tensor] = {}
        self.alive: list[Tensor] = []  # an id names a tensor only as long as it lives

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run `func`, then label what it returned."""
        result = func(*args, **(kwargs or {}))
        rule = self.rule(func.overloadpacket)
        rule(result, func, args, kwargs or {})
        return result

    def rule(self, op: Any) -> Callable[[Any, Any, Any, Any], None]:
        if op is aten.convolution:
            return self.convolution
        if op is aten.native_batch_norm:
            return self.batch_norm
        if op is aten.addmm:
            return self.linear
        if op is aten.t:
            return self.transpose
        if op in RESHAPES:
            return self.reshape
        if op in ELEMENTWISE:
            return self.elementwise
        if op in POOLINGS:
            return self.pooling
        return self.unknown

    # -- what each kind of operation does to labels

    def convolution(self, out: Tensor, func: Any, args: Any, kwargs: Any) -> None:
        x, weight, bias, *_, transposed, _, groups = args
        channels, depthwise = self.channels_of(x), weight.shape[:2] == (groups, 1)
        if channels is None or transposed or (groups > 1 and not depthwise):
            self.unknown(out, func, args, kwargs)
            return
        if depthwise:
            made = channels
            self.unite(made, self.dim(weight, 0))
        else:
            self.unite(channels, self.dim(weight, 1))
            made = self.dim(weight, 0)
        if bias is not None:
            self.unite(made, self.dim(bias, 0))
        self.label_channels(out, made)

    def batch_norm(self, out: Any, func: Any, args: Any, kwargs: Any) -> None:
        x, *statistics = args[:5]
        channels = self.channels_of(x)
        if channels is None:
            self.unknown(out, func, args, kwargs)
            return
        for tensor in statistics:
            if tensor is not None:
                self.unite(channels, self.dim(tensor, 0))
        self.label_channels(out[0], channels)

    def linear(self, out: Tensor, func: Any, args: Any, kwargs: Any) -> None:
        bias, x, weight = args
        channels = self.channels_of(x)
        if channels is None or id(weight) not in self.names:
            self.unknown(out, func, args, kwargs)
            return
        self.unite(channels, self.dim(weight, 0))
        made = self.dim(weight, 1)
        self.unite(made, self.dim(bias, 0))
        self.label_channels(out, made)

    def transpose(self, out: Tensor, func: Any, args: Any, kwargs: Any) -> None:
        if id(args[0]) not in self.names:
            self.unknown(out, func, args, kwargs)
            return
        name, order = self.names[id(args[0])]
        self.names[id(out)] = (name, order[::-1])
        self.alive.append(out)

    def reshape(self, out: Tensor, func: Any, args: Any, kwargs: Any) -> None:
        x, *rest = args
        if id(x) in self.labels:
            labels = self.labels[id(x)]
            moves = func.overloadpacket in {aten.view, aten._unsafe_view}
            self.label(out, labels.reshape(*rest) if moves else labels)

    def elementwise(self, out: Tensor, func: Any, args: Any, kwargs: Any) -> None:
        operands = [leaf for leaf in tree_leaves(args) if isinstance(leaf, Tensor)]
        labels = [self.labels[id(o)] for o in operands if id(o) in self.labels]
        if not labels:
            return
        for other in labels[1:]:
            self.unite(labels[0], other)
        if any(id(operand) in self.names for operand in operands):
            self.unite(labels[0], torch.tensor(KEPT))
        largest = max(labels, key=lambda each: each.numel())
        self.label(out, largest.expand(out.shape))

    def pooling(self, out: Any, func: Any, args: Any, kwargs: Any) -> None:
        channels = self.channels_of(args[0])
        pooled = out[0] if isinstance(out, tuple) else out
        if channels is None or (pooled.dim() > 1 and pooled.shape[1] != len(channels)):
            self.unknown(out, func, args, kwargs)
            return
        self.label_channels(pooled, channels)

    def unknown(self, out: Any, func: Any, args: Any, kwargs: Any) -> None:
        self.keep([leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)])
        for leaf in tree_leaves(out):
            if isinstance(leaf, Tensor) and any(id(a) in self.labels for a in tree_leaves(args)):
                self.label(leaf, torch.tensor(KEPT).expand(leaf.shape))

    # -- labels

    def label(self, tensor: Tensor, labels: Tensor) -> None:
        self.labels[id(tensor)] = labels
        self.alive.append(tensor)

    def label_channels(self, tensor: Tensor, channels: Tensor) -> None:
        shape = [1, -1] + [1] * (tensor.dim() - 2)
        self.label(tensor, channels.reshape(shape).expand(tensor.shape))

    def channels_of(self, tensor: Tensor) -> Tensor | None:
        """Labels along dimension 1, or None where they vary along another dimension."""
        if id(tensor) not in self.labels or tensor.dim() < 2:
            return None
        labels = _compact(self.labels[id(tensor)])
        first = labels.transpose(0, 1).flatten(1)[:, :1]
        uniform = torch.equal(
            labels.transpose(0, 1).flatten(1), first.expand(-1, labels[:, 0].numel())
        )
        return first.flatten().expand(tensor.shape[1]) if uniform else None

    def dim(self, tensor: Tensor, dim: int) -> Tensor:
        """Labels of a parameter's dimension, made at first sight."""
        name, order = self.names[id(tensor)]
        known = self.dims[name][order[dim]]
        if known is None:
            start = len(self.parents)
            self.parents.extend(range(start, start + tensor.shape[dim]))
            known = self.dims[name][order[dim]] = torch.arange(start, len(self.parents))
        return known

    def keep(self, tensors: list[Any]) -> None:
        for tensor in tensors:
            if id(tensor) in self.labels:
                self.unite(self.labels[id(tensor)], torch.tensor(KEPT))
            elif id(tensor) in self.names:
                for dim in range(tensor.dim()):
                    self.unite(self.dim(tensor, dim), torch.tensor(KEPT))

    def root(self, label: int) -> int:
        while self.parents[label] != label:
            self.parents[label] = self.parents[self.parents[label]]
            label = self.parents[label]
        return label

    def unite(self, first: Tensor, second: Tensor) -> None:
        first, second = torch.broadcast_tensors(_compact(first), _compact(second))
        pairs = torch.stack([first.flatten(), second.flatten()], dim=1).unique(dim=0)
        for one, other in pairs.tolist():
            low, high = sorted((self.root(one), self.root(other)))
            self.parents[high] = low

    def channels(self) -> Channels:
        """Number the groups in the order in which the forward pass made them."""
        group_of: dict[int, int] = {KEPT: -1}  # root label -> group
        members: list[list[int]] = []  # group -> its root labels, in order
        arrays = {
            (name, d): torch.tensor([self.root(label) for label in labels.tolist()])
            for name, dims in self.dims.items()
            for d, labels in enumerate(dims)
            if labels is not None
        }
        for roots in sorted(arrays.values(), key=lambda roots: int(roots.min())):
            new = [r for r in dict.fromkeys(roots.tolist()) if r not in group_of]
            known = {group_of[r] for r in roots.tolist() if group_of.get(r, -1) >= 0}
            if not new:
                continue
            if len(known) == 1:
                group = known.pop()
            else:
                group = len(members)
                members.append([])
            members[group].extend(new)
            group_of.update(dict.fromkeys(new, group))
        place = {r: i for group in members for i, r in enumerate(group)} | {KEPT: 0}
        dims: dict[str, tuple[Dim | None, ...]] = {}
        for name, labels in self.dims.items():
            entries = [arrays.get((name, d)) for d in range(len(labels))]
            dims[name] = tuple(
                None
                if roots is None or bool((roots == KEPT).all())
                else Dim(
                    groups=torch.tensor([group_of[r] for r in roots.tolist()]),
                    positions=torch.tensor([place[r] for r in roots.tolist()]),
                )
                for roots in entries
            )
        return Channels(group_sizes=tuple(len(group) for group in members), dims=dims)


def _compact(labels: Tensor) -> Tensor:
    """Drop the repetitions of an expanded tensor, so that work is done once a channel."""
    for dim, stride in enumerate(labels.stride()):
        if stride == 0:
            labels = labels.narrow(dim, 0, 1)
    return labels
