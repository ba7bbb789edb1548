"""Running statistics that a module keeps by hand: moving averages in its buffers.

Such a module computes the batch's statistics itself and updates, in training, `old * decay + new *
(1 - decay)`. Its buffers are found by what they do: they change in a training pass, and in
proportion to their old value. So no name and no way of writing the update is special.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from supernet.errors import ModelError
from supernet.evaluate.batch_statistics import BatchStatistics

NUM_IMAGES = 8
"""Images on which a network's buffers are examined."""
TOLERANCE = 1e-3
"""Largest deviation from a moving average, relative to the largest value."""


@dataclass(frozen=True, kw_only=True)
class Buffer:
    """A buffer of a network, addressed by its owner: a module may replace the tensor."""

    name: str
    """In `named_buffers()`."""
    owner: nn.Module
    key: str

    @property
    def is_of_torchs_own_layer(self) -> bool:
        """Whether its owner computes as a class of torch.nn does."""
        return type(self.owner).forward.__module__.startswith("torch.nn.modules.")

    @property
    def tensor(self) -> Tensor:
        """What the owner holds now."""
        found: Tensor = self.owner.get_buffer(self.key)
        return found


@dataclass(frozen=True, kw_only=True)
class Found:
    """What `find_averages` found."""

    averages: dict[str, float]
    """Buffers that are moving averages in training, with their decay."""
    training: tuple[nn.Module, ...]
    """Modules that must be in training mode for their statistics to be the batch's."""


class MovingAverages:
    """The hand-written statistics of one network, averaged over batches."""

    def __init__(self, network: nn.Module, found: Found) -> None:
        self._decays = found.averages
        self._buffers = [each for each in buffers_of(network) if each.name in self._decays]
        self._originals = {each.name: each.tensor for each in self._buffers}
        self._sums = {name: torch.zeros_like(t).double() for name, t in self._originals.items()}
        self._num_images = 0
        # A counter of batches may decide about the decay.
        self._state = Buffers(network) if found.training else None

    def clear(self) -> None:
        """Set the statistics to 0, so that a pass leaves only its own share in them."""
        if self._state is not None:
            self._state.restore()
        for tensor in self._originals.values():
            tensor.zero_()

    def add(self, num_images: int) -> None:
        """Add what a pass over `num_images` images left, each image with the same weight."""
        for each in self._buffers:
            value = each.tensor.double() / (1 - self._decays[each.name])
            self._sums[each.name] += num_images * value
        self._num_images += num_images

    def pooled(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Each tensor of statistics, and the values to give it."""
        for name, total in self._sums.items():
            yield self._originals[name], total / self._num_images


class Buffers:
    """The buffers of a network as they are now: which tensors, and their values."""

    def __init__(self, network: nn.Module) -> None:
        modules = network.modules()
        slots = [(m, key, b) for m in modules for key, b in m._buffers.items() if b is not None]
        self._slots = [(*slot, slot[-1].clone()) for slot in slots]

    def restore(self) -> None:
        """Put the tensors and their values back."""
        for module, key, buffer, value in self._slots:
            module._buffers[key] = buffer
            buffer.copy_(value)


@contextmanager
def kept_state(network: nn.Module) -> Iterator[None]:
    """Put buffers and training modes back after the block."""
    modes = {module: module.training for module in network.modules()}
    buffers = Buffers(network)
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode
        buffers.restore()


def buffers_of(network: nn.Module) -> list[Buffer]:
    """All floating-point buffers."""
    return [
        Buffer(name=name, owner=network.get_submodule(path), key=key)
        for name, buffer in network.named_buffers()
        for path, _, key in [name.rpartition(".")]
        if buffer.is_floating_point()
    ]


def possible_averages(network: nn.Module, measured: BatchStatistics) -> set[str]:
    """Buffers that may be statistics, but by which no function normalised in a pass in eval mode.

    They are those that something else read, and all of modules that are not torch's own.
    """
    own = {each.name for each in buffers_of(network) if not each.is_of_torchs_own_layer}
    return (measured.read | own) - measured.normalised_by


def find_averages(
    network: nn.Module, images: Tensor, suspects: Collection[str], read: Collection[str]
) -> Found:
    """Examine the buffers `suspects` (see `possible_averages`), of which eval mode reads `read`.

    Their values and the training modes of all modules are the same afterwards. Raises ModelError
    for a buffer of `read` that changes in training in another way than a moving average; other
    ones (a counter) do not matter.
    """
    images, named = images[:NUM_IMAGES], {each.name: each for each in buffers_of(network)}
    owners = {name: _owners(network, named[name]) for name in suspects}
    with kept_state(network):
        network.eval()
        for owner in (owner for found in owners.values() for owner in found):
            owner.training = True
        before = {name: each.tensor.clone() for name, each in named.items()}
        with kept_state(network), BatchStatistics(network) as statistics:
            after = _values_after(network, images, named, {})
        changed = [
            named[name]
            for name in suspects
            if name not in statistics.normalised_by and _differ(before[name], after[name])
        ]
        names = [*statistics.normalised_by, *(each.name for each in changed)]
        modules = [owner for name in names for owner in owners.get(name, ())]
        training = tuple({id(module): module for module in modules}.values())
        network.eval()
        for module in training:
            module.training = True
        averages = _decays(network, images, changed, read)
    return Found(averages=averages, training=training)


def _owners(network: nn.Module, buffer: Buffer) -> tuple[nn.Module, ...]:
    """The modules whose mode may decide about the update.

    Where another module computes with the statistics of one of torch's own layers (a convolution
    that has its BN fused into it in eval mode), the layer's parent is one.
    """
    if buffer.is_of_torchs_own_layer:
        path = buffer.name.rpartition(".")[0].rpartition(".")[0]
        return network.get_submodule(path), buffer.owner
    return (buffer.owner,)


def _decays(
    network: nn.Module, images: Tensor, buffers: list[Buffer], read: Collection[str]
) -> dict[str, float]:
    """The decay of each moving average, from passes that begin with different values in it."""
    if not buffers:
        return {}
    named = {each.name: each for each in buffers_of(network)}

    def run(values: dict[str, float]) -> dict[str, Tensor]:
        with kept_state(network), BatchStatistics(network):
            return _values_after(network, images, named, values)

    first = run({each.name: 0.0 for each in buffers})
    steps = {each.name: max(1.0, float(first[each.name].abs().max())) for each in buffers}
    second, third = (run({n: s * times for n, s in steps.items()}) for times in (1, 2))
    decays = {}
    for name, step in steps.items():
        changes = second[name] - first[name], third[name] - first[name]
        decay = float(changes[0].double().mean()) / step
        expected = decay * step, 2 * decay * step
        deviations = [(c - e).abs().max() for c, e in zip(changes, expected, strict=True)]
        if max(deviations) <= TOLERANCE * step and 0 <= decay < 1 - TOLERANCE:
            decays[name] = decay
        elif name in read:
            raise ModelError(
                f"a buffer that changes in training must be a moving average, but {name} is not, "
                "so that a subnet has no right value for it: leave that layer out"
            )
    return decays


def _values_after(
    network: nn.Module, images: Tensor, named: dict[str, Buffer], values: dict[str, float]
) -> dict[str, Tensor]:
    """The buffers after one pass that begins with `values` in some of them."""
    for name, value in values.items():
        named[name].tensor.fill_(value)
    network(images)
    return {name: each.tensor.clone() for name, each in named.items()}


def _differ(one: Tensor, other: Tensor) -> bool:
    return one.shape != other.shape or not torch.equal(one.nan_to_num(), other.nan_to_num())
