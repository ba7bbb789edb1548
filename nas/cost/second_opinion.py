"""Cross-checks a network's MACs with `thop`, and explains differences between the two counts.

thop (https://github.com/Lyken17/pytorch-OpCounter, MIT) counts by rules for layer classes,
`nas.cost.macs` by the operations that run; they share no code, so an omission in one shows as a
difference. Layers that differ are listed by name, with the likely reason.

Limits: thop counts only calls of modules, and only of classes that it has a rule for. Here, a
subclass of a convolution or linear layer is counted by its parent's rule. thop needs `distutils`,
which Python removed in 3.12; setuptools provides it.
"""

import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import nn

from nas.cost.macs import count_operations, without_data
from supernet import Supernet
from supernet.elastic.channels import floating_dtype

TOLERANCE = 0.001
"""Largest difference of the two counts, as a fraction of the MACs, that is not reported."""

NUM_NAMED = 4
"""Maximum number of layers that a warning names for each reason."""

BY_PARENT = (nn.modules.conv._ConvNd, nn.Linear)
"""Classes whose subclasses are counted by the parent's rule."""

RECURRENT = (nn.RNNBase, nn.RNNCellBase)
"""The other classes whose thop rules are used. thop's remaining rules count operations that are
zero by convention, such as normalisation and pooling."""

OPERATIONS = {
    "convolution": "convolutions",
    "mm": "linear layers",
    "addmm": "linear layers",
    "bmm": "products of activations (attention)",
    "baddbmm": "products of activations (attention)",
}
"""Names of operations in a reason; other operations appear under their aten names."""

Rule = Callable[[Any, Any, Any], None]


@dataclass(frozen=True, kw_only=True)
class LayerMacs:
    """MACs of one layer by both counters."""

    layer: str
    """Its name in `named_modules()`; "" is the network itself."""
    macs: int
    """Count by `nas.cost.macs`."""
    macs_thop: int
    """Count by thop."""
    reason: str
    """Why the counts differ; empty if they don't."""


@dataclass(frozen=True, kw_only=True)
class TwoCounts:
    """MACs of a network by both counters."""

    layers: tuple[LayerMacs, ...]
    """All layers in which either counter found MACs, in execution order."""
    thop_error: str | None = None
    """Why thop failed, in which case every `macs_thop` is 0; None if it succeeded."""
    uncounted: Mapping[str, str] = field(default_factory=dict)
    """Layers with an operation that counts as zero because it has no formula, and its name."""

    @property
    def macs(self) -> int:
        """MACs of the whole network."""
        return sum(layer.macs for layer in self.layers)

    @property
    def macs_thop(self) -> int | None:
        """thop's MACs of the whole network; None if thop failed."""
        if self.thop_error is not None:
            return None
        return sum(layer.macs_thop for layer in self.layers)

    @property
    def difference(self) -> float:
        """Sum over layers of the absolute difference, as a fraction of `macs`.

        Differences of opposite sign do not cancel. 0 if thop failed.
        """
        if self.thop_error is not None:
            return 0.0
        apart = sum(abs(layer.macs - layer.macs_thop) for layer in self.layers)
        return apart / max(self.macs, 1)

    @property
    def differing(self) -> tuple[LayerMacs, ...]:
        """Layers that differ, largest difference first; empty if `difference` <= `TOLERANCE`."""
        if self.difference <= TOLERANCE:
            return ()
        apart = [layer for layer in self.layers if layer.macs != layer.macs_thop]
        return tuple(sorted(apart, key=lambda layer: -abs(layer.macs - layer.macs_thop)))

    @property
    def reasons(self) -> dict[str, list[str]]:
        """Maps each reason to the names of the layers that differ for it."""
        found: dict[str, list[str]] = {}
        for each in self.differing:
            found.setdefault(each.reason, []).append(each.layer or "the network itself")
        return found

    @property
    def warning(self) -> str | None:
        """One line if something is not counted, thop failed or the counts differ, else None."""
        return "; ".join(filter(None, (self.left_out, self._difference))) or None

    @property
    def left_out(self) -> str | None:
        """One line if an operation counts as zero, else None."""
        if not self.uncounted:
            return None
        operations = dict.fromkeys(self.uncounted.values())
        return (
            f"the MACs leave out {' and '.join(operations)} in {_named([*self.uncounted])}, which "
            f"{'has' if len(operations) == 1 else 'have'} no formula: "
            "register one with torch.utils.flop_counter.register_flop_formula"
        )

    @property
    def _difference(self) -> str | None:
        if self.thop_error is not None:
            return f"thop cannot count the MACs of this network: {self.thop_error}"
        if not self.differing:
            return None
        lines = [f"{reason}: {_named(layers)}" for reason, layers in self.reasons.items()]
        return f"thop counts {self.macs_thop:,} MACs instead of {self.macs:,}; {'; '.join(lines)}"

    def to_json(self) -> dict[str, Any]:
        """Both counts and the layers that differ, as JSON values for a lookup table."""
        return {
            "macs": self.macs,
            "macs_thop": self.macs_thop,
            "differing_layers": [asdict(layer) for layer in self.differing],
            **({} if self.thop_error is None else {"thop_error": self.thop_error}),
            **({"uncounted": dict(self.uncounted)} if self.uncounted else {}),
        }


def count_twice(network: nn.Module, resolution: int, *, in_channels: int = 3) -> TwoCounts:
    """Count the MACs of `network` by `nas.cost.macs` and by thop, on copies on the meta device.

    Raises like `nas.cost.macs.count_macs`. A failure of thop is recorded in `thop_error`.
    """
    counted = count_operations(network, resolution, in_channels=in_channels)
    by_operation = counted.macs
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
    return TwoCounts(
        layers=tuple(layers),
        thop_error=thop_error,
        uncounted={
            layer or "the network itself": operation
            for layer, operation in counted.uncounted.items()
        },
    )


def counts_of_full_network(supernet: Supernet) -> TwoCounts:
    """`count_twice` of the supernet's largest config; raises like it."""
    full = supernet.space.largest
    return count_twice(supernet.subnet(full), full.resolution)


def _named(layers: list[str]) -> str:
    more = len(layers) - NUM_NAMED
    return ", ".join(layers[:NUM_NAMED]) + (f" and {more} more" if more > 0 else "")


def _thop_macs(network: nn.Module, resolution: int, in_channels: int) -> dict[str, int]:
    """thop's MACs by layer; layers without MACs are omitted."""
    profile, rules = _load_thop()
    bare = without_data(network)
    # thop looks rules up by exact class. Those for operations that are zero by convention, above
    # all normalisation, are replaced one by one.
    counted = (*BY_PARENT, *RECURRENT)
    custom: dict[type[nn.Module], Rule] = {
        kind: _zero for kind in rules if not issubclass(kind, counted)
    }
    custom.pop(nn.Sequential)  # a container: with a rule of its own, its layers would be skipped
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
    # A shared layer is reported under its first name.
    first_name = {id(module): name for name, module in bare.named_modules()}
    found: Counter[str] = Counter()
    for name, macs in leaves:
        found[first_name[id(bare.get_submodule(name))]] += macs
    return {name: macs for name, macs in found.items() if macs}


def _zero(module: nn.Module, inputs: object, output: object) -> None:
    """thop rule for a layer that counts as zero MACs."""


def _load_thop() -> tuple[Callable[..., Any], dict[type[nn.Module], Rule]]:
    """thop's `profile` function, and its rules by class."""
    with warnings.catch_warnings():
        # Raised by setuptools' distutils and by the one in Python 3.11.
        warnings.filterwarnings("ignore", ".*distutils", DeprecationWarning)
        from thop.profile import profile, register_hooks
    return profile, register_hooks


def _leaves(tree: dict[str, Any], prefix: str) -> Iterator[tuple[str, int]]:
    """Yield the name and MACs of each leaf in thop's tree of layers."""
    for name, (macs, _, children) in tree.items():
        if children:
            yield from _leaves(children, f"{prefix}{name}.")
        else:
            yield prefix + name, int(macs)


def _reason(module: nn.Module, operations: dict[str, int], macs_thop: int, num_names: int) -> str:
    kind = type(module).__name__
    if num_names > 1:
        return f"{kind} is shared under {num_names} names, and thop counts its calls once for each"
    if getattr(module, "transposed", False):
        return f"{kind} applies its kernel at each input pixel, but thop counts each output pixel"
    if isinstance(module, RECURRENT):
        return f"{kind} is recurrent, and thop also counts its biases and gates"
    if not macs_thop:
        inside = dict.fromkeys(OPERATIONS.get(name, name) for name in operations)
        return f"{kind} computes {' and '.join(inside)} with functions, which thop does not count"
    if not operations:
        return f"{kind} has no MACs here, but thop has a rule that counts some"
    return f"thop's rule for {kind} is different"
