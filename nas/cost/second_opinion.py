"""The MACs of a network counted a second time, by `thop`, and why the two counts differ.

thop (https://github.com/Lyken17/pytorch-OpCounter, MIT) counts by rules for classes of layers,
`nas.cost.macs` by the operations that run: two ways that share no code. Where they agree, neither
has overlooked anything; where they don't, the layers are named, and what is known of the reason.

Limits: thop sees calls of modules only, and those whose class it knows; a subclass of a convolution
or of a linear layer is counted like its parent here. It needs `distutils`, which Python no longer
has since 3.12: setuptools brings it.
"""

import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn

from nas.cost.macs import count_operation_macs, without_data
from supernet import Supernet
from supernet.elastic.channels import floating_dtype

TOLERANCE = 0.001
"""Difference of two counts, as a fraction of the MACs, that is worth a word."""

NUM_NAMED = 4
"""Layers of one reason that a line names."""

BY_PARENT = (nn.modules.conv._ConvNd, nn.Linear)
"""Classes whose subclasses are counted like themselves."""

RECURRENT = (nn.RNNBase, nn.RNNCellBase)
"""The other classes whose rules of thop count MACs; its rest counts what is nothing in papers."""

OPERATIONS = {
    "convolution": "convolutions",
    "mm": "linear layers",
    "addmm": "linear layers",
    "bmm": "products of activations (attention)",
    "baddbmm": "products of activations (attention)",
}
"""What operations are called in a reason; the others by their own names."""

Rule = Callable[[Any, Any, Any], None]


@dataclass(frozen=True, kw_only=True)
class LayerMacs:
    """One layer, counted twice."""

    layer: str
    """Its name in `named_modules()`; "" is the network itself."""
    macs: int
    """What `nas.cost.macs` counts."""
    macs_thop: int
    """What thop counts."""
    reason: str
    """Why they differ; empty where they don't."""


@dataclass(frozen=True, kw_only=True)
class TwoCounts:
    """A network, counted twice."""

    layers: tuple[LayerMacs, ...]
    """All that one of the two found MACs in, in the order in which they run."""
    thop_error: str | None = None
    """Why thop could not count, in which case its numbers are 0."""

    @property
    def macs(self) -> int:
        """Of the whole network."""
        return sum(layer.macs for layer in self.layers)

    @property
    def macs_thop(self) -> int | None:
        """Of the whole network by thop; None: it could not count."""
        if self.thop_error is not None:
            return None
        return sum(layer.macs_thop for layer in self.layers)

    @property
    def difference(self) -> float:
        """Sum over layers of what the counts differ by, as a fraction of `macs`.

        So what is too much in one layer makes up for nothing that lacks in another. 0 where thop
        could not count.
        """
        if self.thop_error is not None:
            return 0.0
        apart = sum(abs(layer.macs - layer.macs_thop) for layer in self.layers)
        return apart / max(self.macs, 1)

    @property
    def differing(self) -> tuple[LayerMacs, ...]:
        """The layers that differ, largest difference first; none where all is in `TOLERANCE`."""
        if self.difference <= TOLERANCE:
            return ()
        apart = [layer for layer in self.layers if layer.macs != layer.macs_thop]
        return tuple(sorted(apart, key=lambda layer: -abs(layer.macs - layer.macs_thop)))

    @property
    def reasons(self) -> dict[str, list[str]]:
        """The names of the layers that differ, by the reason why."""
        found: dict[str, list[str]] = {}
        for each in self.differing:
            found.setdefault(each.reason, []).append(each.layer or "the network itself")
        return found

    @property
    def warning(self) -> str | None:
        """One line where thop could not count or counts otherwise, else None."""
        if self.thop_error is not None:
            return f"thop cannot count the MACs of this network, but got: {self.thop_error}"
        if not self.differing:
            return None
        lines = [f"{reason}: {_named(layers)}" for reason, layers in self.reasons.items()]
        return f"thop counts {self.macs_thop:,} MACs and not {self.macs:,}; {'; '.join(lines)}"

    def to_json(self) -> dict[str, Any]:
        """What a lookup table records."""
        return {
            "macs": self.macs,
            "macs_thop": self.macs_thop,
            "differing_layers": [asdict(layer) for layer in self.differing],
            **({} if self.thop_error is None else {"thop_error": self.thop_error}),
        }


def count_twice(network: nn.Module, resolution: int, *, in_channels: int = 3) -> TwoCounts:
    """Count `network` by `nas.cost.macs` and by thop; it is not changed and nothing is computed.

    Raises like `nas.cost.macs.count_macs`; never because of thop.
    """
    by_operation = count_operation_macs(network, resolution, in_channels=in_channels)
    by_thop: dict[str, int] = {}
    thop_error = None
    try:
        by_thop = _thop_macs(network, resolution, in_channels)
    except Exception as error:  # of thop's rules or its import: anything
        thop_error = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
    num_names = Counter(id(m) for _, m in network.named_modules(remove_duplicate=False))
    layers = []
    for name in dict.fromkeys([*by_operation, *by_thop]):
        operations, macs_thop = by_operation.get(name, {}), by_thop.get(name, 0)
        macs = sum(operations.values())
        module = network.get_submodule(name)
        reason = ""
        if thop_error is None and macs != macs_thop:
            reason = _reason(module, operations, macs_thop, num_names[id(module)])
        layers.append(LayerMacs(layer=name, macs=macs, macs_thop=macs_thop, reason=reason))
    return TwoCounts(layers=tuple(layers), thop_error=thop_error)


def counts_of_full_network(supernet: Supernet) -> TwoCounts:
    """`count_twice` of the full network at its highest resolution; raises like it."""
    full = supernet.space.largest
    return count_twice(supernet.subnet(full), full.resolution)


def _named(layers: list[str]) -> str:
    more = len(layers) - NUM_NAMED
    return ", ".join(layers[:NUM_NAMED]) + (f" and {more} more" if more > 0 else "")


def _thop_macs(network: nn.Module, resolution: int, in_channels: int) -> dict[str, int]:
    """thop's MACs by layer."""
    profile, rules = _load_thop()
    bare = without_data(network)
    # All of its rules for what costs nothing here, normalisation above all: it goes by exact class.
    counted = (*BY_PARENT, *RECURRENT)
    custom: dict[type[nn.Module], Rule] = {
        kind: _free for kind in rules if not issubclass(kind, counted)
    }
    custom.pop(nn.Sequential)  # a container, in which thop looks for layers
    for kind in {type(module) for module in bare.modules()} - set(rules):
        parent = next((parent for parent in kind.__mro__ if parent in rules), None)
        if parent is not None and issubclass(kind, BY_PARENT):
            custom[kind] = rules[parent]
    image = torch.empty(
        1, in_channels, resolution, resolution, device="meta", dtype=floating_dtype(bare)
    )
    total, _, tree = profile(bare, (image,), custom_ops=custom, verbose=False, ret_layer_info=True)
    leaves = list(_leaves(tree, ""))
    leaves.append(("", int(total) - sum(macs for _, macs in leaves)))
    # A shared layer has one name here, its first one.
    first_name = {id(module): name for name, module in bare.named_modules()}
    found: Counter[str] = Counter()
    for name, macs in leaves:
        found[first_name[id(bare.get_submodule(name))]] += macs
    return {name: macs for name, macs in found.items() if macs}


def _free(module: nn.Module, inputs: object, output: object) -> None:
    """Rule of thop for a layer that costs nothing here."""


def _load_thop() -> tuple[Callable[..., Any], dict[type[nn.Module], Rule]]:
    """Its `profile`, and its rules by class."""
    with warnings.catch_warnings():
        # Both of setuptools' distutils and of the one that Python 3.11 still has.
        warnings.filterwarnings("ignore", ".*distutils", DeprecationWarning)
        from thop.profile import profile, register_hooks
    return profile, register_hooks


def _leaves(tree: dict[str, Any], prefix: str) -> Iterator[tuple[str, int]]:
    """The leaves of what thop says of each layer."""
    for name, (macs, _, children) in tree.items():
        if children:
            yield from _leaves(children, f"{prefix}{name}.")
        else:
            yield prefix + name, int(macs)


def _reason(module: nn.Module, operations: dict[str, int], macs_thop: int, num_names: int) -> str:
    kind = type(module).__name__
    if num_names > 1:
        return f"{kind} has {num_names} names, and thop counts its calls again for each"
    if getattr(module, "transposed", False):
        return f"{kind} applies its kernel at each input, where thop takes each output"
    if isinstance(module, RECURRENT):
        return f"{kind} is recurrent, and thop adds its biases and gates"
    if not macs_thop:
        inside = dict.fromkeys(OPERATIONS.get(name, name) for name in operations)
        return f"{kind} computes {' and '.join(inside)} with functions, which thop does not see"
    if not operations:
        return f"{kind} multiplies nothing here, and thop has a rule for it all the same"
    return f"thop has another rule for {kind}"
