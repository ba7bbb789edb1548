"""BatchStatistics: normalisation by running statistics becomes normalisation by a batch's own."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

_MODULE_ORDER = ("input", "running_mean", "running_var", "weight", "bias")
_TORCH_ORDER = ("input", "weight", "bias", "running_mean", "running_var")
_BATCH, _INSTANCE = ("training", "momentum", "eps"), ("use_input_stats", "momentum", "eps")

ARGUMENTS: dict[Any, tuple[str, ...]] = {
    F.batch_norm: (*_MODULE_ORDER, *_BATCH),
    F.instance_norm: (*_MODULE_ORDER, *_INSTANCE),
    torch.batch_norm: (*_TORCH_ORDER, *_BATCH, "cudnn_enabled"),
    torch.native_batch_norm: (*_TORCH_ORDER, *_BATCH),
    torch.instance_norm: (*_TORCH_ORDER, *_INSTANCE, "cudnn_enabled"),
}
"""Functions that normalise by running statistics, with the names of their arguments in order."""


class Moments:
    """Mean and variance of one layer's inputs, pooled over calls in double precision.

    Each call weighs as much as it has values. `mean` and `variance` are the tensors that the layer
    reads its running statistics from.
    """

    def __init__(self, mean: Tensor, variance: Tensor) -> None:
        self.mean, self.variance = mean, variance
        self.count = 0
        self.sum: Tensor | float = 0.0
        self.sum_of_squares: Tensor | float = 0.0

    def add(self, shape: torch.Size, *, by_instance: bool) -> None:
        """Add what a call with an input of `shape` left in the two tensors, unbiased variances.

        `by_instance`: means and variances were taken image by image, then averaged.
        """
        count = shape.numel() // shape[1]
        size = count // shape[0] if by_instance else count
        mean, variance = self.mean.double(), self.variance.double() * (size - 1) / size
        self.count += count
        self.sum = self.sum + count * mean
        second = variance if by_instance else variance + mean**2
        self.sum_of_squares = self.sum_of_squares + count * second
        self.by_instance = by_instance

    def pooled(self) -> tuple[Tensor, Tensor]:
        """Mean and population variance of all values; of instances, the averages of theirs."""
        mean = torch.as_tensor(self.sum) / self.count
        second = torch.as_tensor(self.sum_of_squares) / self.count
        return mean, second if self.by_instance else second - mean**2


class BatchStatistics(TorchFunctionMode):
    """Within `with`, a network's BN layers normalise by their batch, and its moments are recorded.

    Layers are recognised by the tensors that they read their running statistics from, buffers of
    `network` or views of them, when they call a function of `ARGUMENTS`. So hooks, direct calls of
    `forward` and functional calls are no special case, and training modes do not matter. The
    tensors are left with the last batch's statistics. A call with a single value per channel, which
    has no variance, runs as it would without this mode.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        named = [(n, b) for n, b in network.named_buffers() if b.is_floating_point()]
        self.moments: dict[tuple[int, int], Moments] = {}
        self.read: set[str] = set()
        """Buffers that some other function took as an argument."""
        self.normalised_by: set[str] = set()
        """Buffers that hold statistics which were recorded."""
        self._names = {id(buffer): name for name, buffer in named}
        self._stored = {buffer.untyped_storage().data_ptr(): name for name, buffer in named}

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Call `func`; if it normalises by the network's buffers, with the batch's statistics."""
        kwargs = kwargs or {}
        if func in ARGUMENTS:
            values = {**dict(zip(ARGUMENTS[func], args, strict=False)), **kwargs}
            if values.get("running_mean") is not None and self._name(values["running_mean"]):
                return self._normalised(func, values)
        self._note_reading(args)
        self._note_reading(kwargs.values())
        return func(*args, **kwargs)

    def _note_reading(self, arguments: Iterable[Any]) -> None:
        for each in arguments:
            if isinstance(each, list | tuple):
                self._note_reading(each)
            elif id(each) in self._names:
                self.read.add(self._names[id(each)])

    def _name(self, tensor: Tensor) -> str | None:
        return self._stored.get(tensor.untyped_storage().data_ptr())

    def _normalised(self, func: Any, values: dict[str, Any]) -> Any:
        """By the batch's statistics, which momentum 1 leaves in the tensors: no second pass."""
        by_instance = "use_input_stats" in ARGUMENTS[func]
        mode = "use_input_stats" if by_instance else "training"
        if values["input"].numel() == values["input"].shape[1]:
            return func(**{**values, mode: False})
        result = func(**{**values, mode: True, "momentum": 1.0})
        mean, variance = values["running_mean"], values["running_var"]
        self.normalised_by.update(str(self._name(each)) for each in (mean, variance))
        key = mean.data_ptr(), len(mean)
        if key not in self.moments:
            self.moments[key] = Moments(mean, variance)
        self.moments[key].add(values["input"].shape, by_instance=by_instance)
        return result

    def pooled(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Each tensor of statistics, and the values to give it."""
        for moments in self.moments.values():
            yield from zip((moments.mean, moments.variance), moments.pooled(), strict=True)
