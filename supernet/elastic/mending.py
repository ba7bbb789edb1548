"""Mending: sizes that code states in plain numbers, and a narrow network fails at.

Before the channels of a failing operation are kept at full width, three things are tried: that
code takes a size from its module's input (see `equal_sizes`), that an attribute of the module
counts channels (see `counting`), and that it counts those of several groups, which must then be as
many (heads of one size). What a narrow network then runs further with is right.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from supernet.elastic.dims import Channels
from supernet.elastic.following import Attribute, counting
from supernet.tracing import Failure, Trace, TracedOperation, equal_sizes


@dataclass(frozen=True)
class Found:
    """A narrow network that fails: which of those that are tried, in which pass, and how."""

    widths: int
    number: int
    failure: Failure

    @property
    def place(self) -> tuple[int, int, int]:
        """How far all narrow networks run."""
        return self.widths, self.number, self.failure.index


Checked = tuple[Channels, Found | None]
"""The channels as the labels are, and where a narrow network fails."""


class Mending:
    """Changes the labels of `trace`, a trace of `model`, where `check` then finds no failure.

    What calls of the same code in other modules need is done at once.
    """

    def __init__(self, model: nn.Module, trace: Trace, check: Callable[[], Checked]) -> None:
        self.model, self.trace, self.check = model, trace, check
        self.labelling = trace.labelling
        self.counted: dict[Attribute, dict[int, Tensor]] = {}
        """Attributes that count channels: for each such number, the labels of these."""
        self.was_needed = False
        """Whether the code states sizes, at which a narrow network has failed."""

    def mended(self, found: Found) -> Checked | None:
        """What is checked if narrow networks now run further than `found`; else None."""
        self.was_needed = True
        tried = self._with_equal_sizes, self._with_counted_sizes, self._with_one_size
        return next((mended for each in tried if (mended := each(found)) is not None), None)

    def _with_equal_sizes(self, found: Found) -> Checked | None:
        """The same with two dimensions united whose sizes are equal in the code, if that helps.

        It does where the network then runs further.
        """
        operations, index = self.trace.passes[found.number], found.failure.index
        for key, pair in equal_sizes(operations, index).items():
            mended = self._united([pair], found)
            if mended is not None and mended[1] is not None:
                others = [equal_sizes(operations, i) for i in self._alike(operations, index)]
                pairs = [each[key] for each in others if key in each]
                return self._united(pairs, mended[1]) or mended
            if mended is not None:
                return mended
        return None

    def _with_counted_sizes(self, found: Found) -> Checked | None:
        """The same with attributes that count what shrinks, if the network then runs further."""
        operations, index = self.trace.passes[found.number], found.failure.index
        index = min(index, len(operations) - 1)
        counted = self._counted(operations[index])
        choices = [counted, *({one: sizes} for one, sizes in counted.items() if len(counted) > 1)]
        for choice in choices if counted else []:
            names = {name for _, name in choice}
            mended = self._followed(choice, found)
            if mended is not None and mended[1] is not None:
                others = [self._counted(operations[i]) for i in self._alike(operations, index)]
                more = {a: sizes for each in others for a, sizes in each.items() if a[1] in names}
                return self._followed(more, mended[1]) or mended
            if mended is not None:
                return mended
        return None

    def _with_one_size(self, found: Found) -> Checked | None:
        """The same with all channels united that one number of an attribute counts, if that helps.

        Not all follow it yet: it counted those of an earlier operation.
        """
        operations, index = self.trace.passes[found.number], found.failure.index
        index = min(index, len(operations) - 1)
        mended = self._united(self._more_counted(operations[index]), found)
        if mended is None or mended[1] is None:
            return mended
        others = (self._more_counted(operations[i]) for i in self._alike(operations, index))
        return self._united([pair for pairs in others for pair in pairs], mended[1]) or mended

    def _more_counted(self, operation: TracedOperation) -> list[tuple[Tensor, Tensor]]:
        """Labels that a number which already follows may count, too, and those that it does."""
        return [
            (axis, self.counted[attribute][size])
            for attribute, sizes in self._counting(operation).items()
            if attribute in self.counted
            for size, axis in sizes.items()
            if size in self.counted[attribute]
        ]

    def _counted(self, operation: TracedOperation) -> dict[Attribute, dict[int, Tensor]]:
        """Attributes of its module that may count channels of what it takes or returns."""
        found = self._counting(operation)
        return {attribute: a for attribute, a in found.items() if attribute not in self.counted}

    def _counting(self, operation: TracedOperation) -> dict[Attribute, dict[int, Tensor]]:
        path = operation.site.path
        outputs = [axes for _, axes in operation.outputs]
        axes = [
            axis for each in (*outputs, *operation.activations, *operation.weights) for axis in each
        ]
        found = counting(self.model.get_submodule(path), axes)
        return {(path, name): sizes for name, sizes in found.items()}

    def _followed(
        self, counted: dict[Attribute, dict[int, Tensor]], found: Found
    ) -> Checked | None:
        """What is checked when these attributes follow; None, and all as before, if no better."""
        if not counted:
            return None
        before, state = dict(self.counted), self.labelling.state()
        self.counted |= counted
        checked = self._if_further(found)
        if checked is None:
            self.counted = before
            self.labelling.restore(state)
        return checked

    def _united(self, pairs: list[tuple[Tensor, Tensor]], found: Found) -> Checked | None:
        """What is checked with these united; None, and all as before, if that runs no further."""
        roots, state = self.labelling.labels.roots, self.labelling.state()
        pairs = [(axis.view(-1, len(other)), other) for axis, other in pairs]
        if all(bool((roots(axis) == roots(other)).all()) for axis, other in pairs):
            return None
        for axis, other in pairs:
            self.labelling.unite(axis, other)
        checked = self._if_further(found)
        if checked is None:
            self.labelling.restore(state)
        return checked

    def _alike(self, operations: Sequence[TracedOperation], index: int) -> Iterator[int]:
        """The same step of the code in later calls of modules of that class."""
        site = operations[index].site
        kind = type(self.model.get_submodule(site.path))
        for i, operation in enumerate(operations[index + 1 :], index + 1):
            other = operation.site
            same = other.operation == site.operation and other.number == site.number
            if same and type(self.model.get_submodule(other.path)) is kind:
                yield i

    def _if_further(self, found: Found) -> Checked | None:
        checked = self.check()
        is_further = checked[1] is None or checked[1].place > found.place
        return checked if is_further else None
