"""Which layers of a network share which channels, found by tracing it with labels for channels.

A convolution makes new channels, so its output gets new labels; an addition unites two sets of
labels; a reshape of the data is applied to the labels as well. Labels that always appear together
form one *channel group* with one width. Channels of operations that the tracer does not know stay
at full width in every config and are listed with the reason.

The labels predict the shape of every tensor in a narrow network. Narrow networks are then run on
the meta device and compared with the prediction, operation by operation; where they differ, the
operation's input channels stay at full width as well. Every width that remains is known to run.
"""

import random
from functools import partial

import torch
from torch import Tensor, nn

from supernet.elastic.attention import tie_heads
from supernet.elastic.dims import Channels, Dim, kept_places
from supernet.elastic.inputs import Inputs, as_tuple, require_inputs, without_data
from supernet.elastic.logits import find_logits
from supernet.elastic.mending import Checked, Found, Mending
from supernet.elastic.narrow import narrow
from supernet.elastic.recurrent import tie_hidden
from supernet.elastic.requirements import require_convertible
from supernet.elastic.unchanged import unchanged
from supernet.errors import ModelError
from supernet.seeding import seeded
from supernet.space import SearchSpace, channel_multiple, kept_units
from supernet.tracing import (
    Heads,
    Partition,
    Split,
    Trace,
    divide,
    find_failure,
    follow_paths,
)

NUM_RANDOM_CHECKS = 2
"""Narrow networks of random widths that are checked besides the narrowest."""
TRAINING, EVAL = range(2)
"""Numbers of the traced passes: in training and in eval mode."""


def trace_channels(
    model: nn.Module, example_input: Inputs, space: SearchSpace, num_classes: int | None = None
) -> Channels:
    """Find the channel groups of `model` whose widths can vary within `space`.

    `example_input` is (batch, channels, side, side), or a tuple of that and what else the network
    takes; only shapes and types matter. The model is not changed. Groups for which `space` allows
    one size only stay at full width. Raises ModelError when the network does not run on that input,
    reads values or counts batches, and like `require_convertible`, `require_inputs` and
    `find_logits`, to which `num_classes` is passed.
    """
    example = as_tuple(example_input)
    require_convertible(model)
    require_inputs(model, len(example))
    meta = narrow(model, {n: on_meta(t) for n, t in _named_tensors(model).items()})
    inputs = without_data(example, floating_dtype(model))
    first = _Tracing(meta, inputs, space, num_classes)
    heads = frozenset(first.labelling.heads.found)
    if heads:
        return _Tracing(meta, inputs, space, num_classes, heads).settled()
    return first.settled()


def floating_dtype(model: nn.Module) -> torch.dtype | None:
    """The dtype of the network's parameters, which its input must have; None: torch's default."""
    return next((p.dtype for p in model.parameters() if p.is_floating_point()), None)


class _Tracing:
    """A trace of `model`, and the channels that follow from it; whole `heads` can be removed."""

    def __init__(
        self,
        model: nn.Module,
        inputs: tuple[Tensor, ...],
        space: SearchSpace,
        num_classes: int | None,
        heads: frozenset[Split] = frozenset(),
    ) -> None:
        self.model, self.inputs, self.space = model, inputs, space
        self.trace = Trace(model, space.divisor, Heads(self._head_counts, heads))
        self.labelling = self.trace.labelling
        self.mending = Mending(model, self.trace, self._checked)
        self.mending.counted |= tie_heads(model, self.labelling)
        tie_hidden(model, self.labelling)
        for number in (TRAINING, EVAL):
            self._run(training=number == TRAINING)
        in_training, in_eval = self.trace.outputs
        self.logits = find_logits(in_training, in_eval, num_classes)
        for outputs in (in_training, in_eval):
            self.trace.keep(self.logits.fixed(outputs, in_eval))

    def _run(self, *, training: bool) -> None:
        model = narrow(self.model, {}).train(training)
        try:
            with follow_paths(model) as paths, seeded(0), unchanged(model):
                self.trace.run(model, self.inputs, paths, keep_outputs=False)
        except Exception as error:  # a user's network may raise anything
            raise self._refusal(error) from error
        for name, path in self.trace.counters:
            raise ModelError(
                "a network must compute the same however many batches it has seen (no subnet "
                f"counts them), but {path or 'the network itself'} uses {name}: take that out"
            )

    def _head_counts(self, num_heads: int, num_features: int) -> range:
        channels, divisor = num_heads * num_features, self.space.divisor
        fewest = kept_units(channels, num_features, self.space.narrowest, divisor)
        step = channel_multiple(channels, num_features, divisor) // num_features
        return range(fewest, num_heads + 1, step)

    def _refusal(self, error: Exception) -> ModelError:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        operation, path = self.labelling.here
        where = f"{operation} in {path or 'the network itself'}" if operation else "forward"
        if self.trace.reading is not None:
            return ModelError(
                "the network must run without reading the values of its parameters and buffers, "
                f"but reads {self.trace.reading} ({where}): use torch.where, or a plain number"
            )
        return ModelError(
            f"the network must run on {tuple(self.inputs[0].shape[1:])} images without reading "
            f"their values, but got: {reason} ({where})"
        )

    def settled(self) -> Channels:
        """Keep channels at full width until the network runs at all other channels' widths."""
        channels, found = self._checked()
        while found is not None:
            mended = self.mending.mended(found)
            if mended is None:
                self._blame(found)
                mended = self._checked()
            channels, found = mended
        return channels

    def _checked(self) -> Checked:
        """The channels as the labels are now, and where a narrow network fails."""
        groups = self._elastic_groups()
        channels = self._channels(groups)
        return channels, self._first_failure(channels, groups)

    def _elastic_groups(self) -> Partition:
        """All groups with more than one possible size; the others are kept."""
        low, divisor = self.space.narrowest, self.space.divisor
        groups = divide(self.labelling)
        rigid = [kept_places(group, low, divisor) == group.size for group in groups.groups]
        if any(rigid):
            if low < 1:
                self._note_rigid(groups, rigid)
            is_rigid = torch.tensor([*rigid, False])[groups.group_of]
            self.labelling.labels.keep(is_rigid.nonzero().flatten())
            groups = divide(self.labelling)
        return groups

    def _note_rigid(self, groups: Partition, rigid: list[bool]) -> None:
        operations = {made.layer: made.operation for made in self.labelling.made}
        low, divisor = self.space.narrowest, self.space.divisor
        for group in (g for g, is_rigid in zip(groups.groups, rigid, strict=True) if is_rigid):
            step = channel_multiple(group.num_channels, group.unit, divisor)
            why = f"no other width from {low:g} is a multiple of {step} channels"
            if group.size == 1:
                why = "its channels can only stay or go together"
            at = operations[group.layers[0]], group.layers[0]
            self.labelling.note_kept(why, group.num_channels, at)

    def _channels(self, groups: Partition) -> Channels:
        def dim(axis: Tensor | None) -> Dim | None:
            if axis is None:
                return None
            roots = self.labelling.labels.roots(axis)
            entry = Dim(groups=groups.group_of[roots], positions=groups.place_of[roots])
            return entry if bool((entry.groups >= 0).any()) else None

        dims = {name: tuple(map(dim, axes)) for name, axes in self.labelling.axes.items()}
        counted = {
            attribute: {size: found for size, axis in sizes.items() if (found := dim(axis))}
            for attribute, sizes in self.mending.counted.items()
        }
        return Channels(
            groups=groups.groups,
            dims={name: entries for name, entries in dims.items() if any(entries)},
            kept=tuple(self.labelling.kept),
            made_dims=self.labelling.made_dims,
            losing_groups=frozenset(self.labelling.losing_groups),
            macs=self.labelling.macs,
            dynamic=tuple(
                (each.macs, tuple(map(dim, each.axes))) for each in self.labelling.dynamic
            ),
            ordered=frozenset(self._groups_of(groups, self.labelling.ordered)),
            following={attribute: sizes for attribute, sizes in counted.items() if sizes},
            mixed=frozenset(self._groups_of(groups, self.labelling.mixed)),
            logits=self.logits,
        )

    def _groups_of(self, groups: Partition, axes: list[Tensor]) -> set[int]:
        roots = [self.labelling.labels.roots(axis) for axis in axes]
        return {group for each in roots for group in groups.group_of[each].tolist() if group >= 0}

    def _first_failure(self, channels: Channels, groups: Partition) -> Found | None:
        rng, low = random.Random(0), self.space.narrowest
        num_groups = len(channels.groups)
        widths = [
            [rng.uniform(low, 1) for _ in range(num_groups)] for _ in range(NUM_RANDOM_CHECKS)
        ]
        # Where whole heads are removed, sizes that are equal at the lowest widths may differ at
        # others, and mending would begin with the wrong ones.
        widths.insert(NUM_RANDOM_CHECKS if self.labelling.heads.removed else 0, [low] * num_groups)
        passes = [TRAINING, EVAL]
        checks = [(choice, passes) for choice in (widths if num_groups else [])]
        if self.mending.was_needed:  # sizes in the code may hold for some pairs of widths only
            checks += [(choice, [EVAL]) for choice in _apart(num_groups, low)]
        for number_of_widths, (choice, numbers) in enumerate(checks):
            kept = channels.kept_counts(choice, self.space.divisor)
            tensors = {
                name: channels.selector(name)(tensor, kept).contiguous()
                for name, tensor in _named_tensors(self.model).items()
            }
            stays = torch.tensor([*kept, 1])[groups.group_of] > groups.place_of
            size_of = partial(self._count, stays, {})
            for number in numbers:
                network = narrow(
                    self.model, tensors, channels.losing_groups, sizes=channels.sizes(kept)
                ).train(number == TRAINING)
                with unchanged(network):
                    failure = find_failure(network, self.inputs, self.trace.passes[number], size_of)
                if failure is not None:
                    return Found(number_of_widths, number, failure)
        return None

    def _count(self, stays: Tensor, known: dict[int, int], axis: Tensor) -> int:
        """How many entries of a dimension stay; each vector is counted once."""
        if id(axis) not in known:
            known[id(axis)] = int(stays[self.labelling.labels.roots(axis)].sum())
        return known[id(axis)]

    def _blame(self, found: Found) -> None:
        """Keep the activations that the operation that failed takes, or else its weights.

        First of all what it made of alike entries: the code states how many. Where all are kept
        already, an earlier operation is to blame: code between the two has
        noticed the narrower size.
        """
        failure, operations = found.failure, self.trace.passes[found.number]
        for blamed in reversed(operations[: failure.index + 1]):
            at = blamed.name, blamed.site.path
            for tensors in ((blamed.alike,), blamed.activations, blamed.weights):
                news = [self.labelling.keep(x, failure.why, at) for axes in tensors for x in axes]
                if any(news):
                    return
        raise ModelError(
            f"the network must run the same operations in each forward pass, but got: {failure.why}"
        )


def _apart(num_groups: int, low: float) -> list[list[float]]:
    """Widths among which, of any two groups, one is once at its lowest and the other whole."""
    return [
        [low if group >> bit & 1 else 1.0 for group in range(num_groups)]
        for bit in range((num_groups - 1).bit_length())
    ]


def _named_tensors(model: nn.Module) -> dict[str, Tensor]:
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


def on_meta(tensor: Tensor) -> Tensor:
    """The same without data, except for a number in a buffer, which may be read."""
    if tensor.dim() == 0 and not isinstance(tensor, nn.Parameter):
        return tensor.detach().cpu().clone()
    return torch.empty_like(tensor, device="meta", requires_grad=False)
