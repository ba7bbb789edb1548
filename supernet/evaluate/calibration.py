"""BN statistics of one subnet (MutualNet, section 3.4; US-Net, section 3.4)."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from supernet.errors import DataError


@torch.no_grad()
def calibrate_bn(network: nn.Module, batches: Iterable[Tensor]) -> None:
    """Set each BN layer's running mean and variance to those of its inputs over all `batches`.

    Exact, not a moving average: the moments of all batches are pooled in double precision, each
    image with the same weight; the variance is the population variance (divided by n). As in
    training, each layer's input is normalised by the statistics of its batch, so with one batch
    the network in `eval` mode computes what it does in `train` mode on these images.

    Changes neither weights nor training modes, and on failure not the statistics either. `batches`
    are normalised float images (batch, channels, side, side). Raises DataError when there are none.
    """
    layers = [layer for layer in network.modules() if isinstance(layer, _BatchNorm)]
    layers = [layer for layer in layers if layer.running_mean is not None]
    pools = {layer: _Moments() for layer in layers}
    with _measuring(network, layers, pools):
        num_batches = 0
        for images in batches:
            network(images)
            num_batches += 1
        if not num_batches:
            raise DataError("calibration needs at least one image, but got none")
    for layer in layers:
        mean, variance = pools[layer].pooled()
        assert layer.running_mean is not None
        assert layer.running_var is not None
        layer.running_mean.copy_(mean)
        layer.running_var.copy_(variance)


class _Moments:
    """Sums over the batches seen so far: count, mean and second moment, weighted by count."""

    def __init__(self) -> None:
        self.count = 0
        self.sum: Tensor | float = 0.0
        self.sum_of_squares: Tensor | float = 0.0

    def add(self, count: int, mean: Tensor, unbiased_variance: Tensor) -> None:
        mean, variance = mean.double(), unbiased_variance.double() * (count - 1) / count
        self.count += count
        self.sum = self.sum + count * mean
        self.sum_of_squares = self.sum_of_squares + count * (variance + mean**2)

    def pooled(self) -> tuple[Tensor, Tensor]:
        mean = torch.as_tensor(self.sum) / self.count
        return mean, torch.as_tensor(self.sum_of_squares) / self.count - mean**2


@contextmanager
def _measuring(
    network: nn.Module, layers: list[_BatchNorm], pools: dict[_BatchNorm, _Moments]
) -> Iterator[None]:
    """Only the BN layers in training mode, each recording the statistics of its batches.

    With momentum 1 a layer's forward pass leaves the statistics of the batch in its buffers, so
    that computing them needs no second pass over the data.
    """

    def record(layer: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
        assert isinstance(layer, _BatchNorm)
        assert layer.running_mean is not None
        assert layer.running_var is not None
        count = args[0].numel() // args[0].shape[1]
        pools[layer].add(count, layer.running_mean, layer.running_var)

    modes = {module: module.training for module in network.modules()}
    momenta = {layer: layer.momentum for layer in layers}
    buffers = {name: buffer.clone() for name, buffer in network.named_buffers()}
    hooks = [layer.register_forward_hook(record) for layer in layers]
    try:
        network.eval()
        for layer in layers:
            layer.train()
            layer.momentum = 1.0
        yield
    finally:
        for hook in hooks:
            hook.remove()
        for layer, momentum in momenta.items():
            layer.momentum = momentum
        for module, mode in modes.items():
            module.training = mode
        for name, buffer in network.named_buffers():
            buffer.copy_(buffers[name])
