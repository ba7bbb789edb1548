"""Mending: sizes that code states in plain numbers, and a narrow network fails at.

Before the channels of a failing operation are kept at full width, four changes are tried: that
code takes a size from its module's input (see `equal_sizes`), that an attribute of the module
counts channels (see `counting`), both at once (`channels // self.num_heads` of an input that loses
whole heads), and that an attribute counts those of several groups, which must then be as many
(heads of one size). What a narrow network then runs further with is right.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from supernet.elastic.dims import Channels
from supernet.elastic.following import Attribute, counting
from supernet.tracing import Failure, Key, Pair, Trace, TracedOperation, equal_sizes

Place = tuple[int, int, int]
"""Number of the narrow network, of the pass, and of the operation that fails."""


@dataclass(frozen=True)
class Found:
    """A narrow network that fails: which of those that are tried, in which pass, and how."""

    widths: int
    number: int
    failure: Failure

    @property
    def place(self) -> Place:
        """How far all narrow networks run."""
        return self.widths, self.number, self.failure.index


Checked = tuple[Channels, Found | None]
"""The channels as the labels are, and where a narrow network fails."""


@dataclass(frozen=True)
class Way:
    """How an operation may be mended, and with it the same step of the code in other modules."""

    equal: Key | None = None
    """Dimensions that are united, see `equal_sizes`."""
    names: tuple[str, ...] = ()
    """Attributes of the module that follow the channels they count."""
    is_one_size: bool = False
    """Whether all channels are united that a number counts which already follows."""


ONE_SIZE = Way(is_one_size=True)


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
        operations = self.trace.passes[found.number]
        index = min(found.failure.index, len(operations) - 1)
        for way in self._ways(operations, index):
            checked = self._changed(way, operations, [index], found.place)
            if checked is not None and checked[1] is not None:
                alike = list(self._alike(operations, index))
                return self._changed(way, operations, alike, found.place) or checked
            if checked is not None:
                return checked
        return None

    def _ways(self, operations: Sequence[TracedOperation], index: int) -> list[Way]:
        """What may mend the operation at `index`, the likeliest first."""
        names = tuple(dict.fromkeys(name for _, name in self._counted(operations[index])))
        some = [*((name,) for name in names), *([names] if len(names) > 1 else [])]
        keys = list(equal_sizes(operations, index))
        equal, counted = [Way(equal=key) for key in keys], [Way(names=few) for few in some]
        both = [Way(equal=key, names=few) for key in keys for few in some]
        if self.labelling.heads.are_removed_in(operations[index].site.path):
            return [*counted, *both, *equal, ONE_SIZE]  # their number is no size of the input
        return [*equal, *counted, *both, ONE_SIZE]

    def _changed(
        self,
        way: Way,
        operations: Sequence[TracedOperation],
        indices: Sequence[int],
        place: Place,
    ) -> Checked | None:
        """What is checked with these mended; None, and all as before, if not beyond `place`."""
        counted, state = dict(self.counted), self.labelling.state()
        pairs = [pair for index in indices for pair in self._pairs(way, operations, index)]
        for index in indices:
            new = self._counted(operations[index])
            self.counted |= {each: sizes for each, sizes in new.items() if each[1] in way.names}
        if self.counted.keys() == counted.keys() and all(map(self._is_united, pairs)):
            return None
        for axis, other in pairs:
            self.labelling.unite(axis.view(-1, len(other)), other)
        checked = self.check()
        if checked[1] is None or checked[1].place > place:
            return checked
        self.counted = counted
        self.labelling.restore(state)
        return None

    def _pairs(self, way: Way, operations: Sequence[TracedOperation], index: int) -> list[Pair]:
        """What is united at this operation."""
        if way.is_one_size:
            return self._more_counted(operations[index])
        equal = equal_sizes(operations, index) if way.equal else {}
        return [equal[way.equal]] if way.equal in equal else []

    def _is_united(self, pair: Pair) -> bool:
        axis, other = map(self.labelling.labels.roots, pair)
        return bool((axis.view(-1, len(other)) == other).all())

    def _more_counted(self, operation: TracedOperation) -> list[Pair]:
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
        module = self.model.get_submodule(path)
        outputs = [axes for _, axes in operation.outputs]
        axes = [
            axis for each in (*outputs, *operation.activations, *operation.weights) for axis in each
        ]
        owners = {path: module} | {  # of which a method may run
            f"{path}.{name}".lstrip("."): child for name, child in module.named_children()
        }
        return {
            (owner, name): sizes
            for owner, each in owners.items()
            for name, sizes in counting(each, axes).items()
        }

    def _alike(self, operations: Sequence[TracedOperation], index: int) -> Iterator[int]:
        """The same step of the code in later calls of modules of that class.

        The same operation, as often as the call has run it: a call may do something else besides.
        """
        site, kind = operations[index].site, self._kind(operations[index])
        for other in range(index + 1, len(operations)):
            found = operations[other].site
            same = found.operation == site.operation and found.number == site.number
            if same and self._kind(operations[other]) is kind:
                yield other

    def _kind(self, operation: TracedOperation) -> type[nn.Module]:
        return type(self.model.get_submodule(operation.site.path))
