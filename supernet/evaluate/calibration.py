"""BN statistics of one subnet (MutualNet, section 3.4; US-Net, section 3.4)."""

from collections.abc import Iterable
from itertools import chain

import torch
from torch import Tensor, nn

from supernet.errors import DataError, ModelError
from supernet.evaluate.batch_statistics import BatchStatistics
from supernet.evaluate.moving_averages import (
    Found,
    MovingAverages,
    find_averages,
    kept_state,
    possible_averages,
)


@torch.no_grad()
def calibrate_bn(network: nn.Module, batches: Iterable[Tensor]) -> None:
    """Set each BN layer's running mean and variance to those of its inputs over all `batches`.

    Exact, not a moving average: the moments of all batches are pooled in double precision, each
    image with the same weight; the variance is the population variance (divided by n). As in
    training, each layer's input is normalised by the statistics of its batch, so with one batch
    the network in `eval` mode computes what it does in `train` mode on these images.

    Instance normalisation with running statistics gets the averages of its images' means and
    population variances; running statistics that a module keeps by hand get the average of what it
    computes for each batch. A layer that does not run in eval mode (an auxiliary head) keeps its
    statistics.

    Changes neither weights nor training modes, and on failure not the statistics either. `batches`
    are normalised float images (batch, channels, side, side). Raises DataError when there are none,
    ModelError when statistics are not finite, or change in training in a way that has no average.
    """
    batches = iter(batches)
    first = next(batches, None)
    if first is None:
        raise DataError("calibration needs at least one image, but got none")
    with kept_state(network):
        network.eval()
        measured = BatchStatistics(network)
        averages = MovingAverages(network, Found(averages={}, training=()))
        with measured:
            network(first)
        suspects = possible_averages(network, measured)
        found = find_averages(network, first, suspects, measured.read) if suspects else None
        if found is not None and found.training:
            measured, averages = BatchStatistics(network), MovingAverages(network, found)
            for module in found.training:
                module.training = True
            batches = chain([first], batches)
        for images in batches:
            averages.clear()
            with measured:
                network(images)
            averages.add(len(images))
        values = [*measured.pooled(), *averages.pooled()]
    _set(network, values)


def _set(network: nn.Module, values: list[tuple[Tensor, Tensor]]) -> None:
    if values and not torch.isfinite(torch.cat([value.flatten() for _, value in values])).all():
        raise ModelError(
            f"activations must stay finite, but the statistics of {_name(network, values)} are "
            "not: train longer, or at a lower learning rate"
        )
    for tensor, value in values:
        tensor.copy_(value)


def _name(network: nn.Module, values: list[tuple[Tensor, Tensor]]) -> str:
    """The first buffer, in order of execution, that would not be finite."""
    bad = next(tensor for tensor, value in values if not torch.isfinite(value).all())
    names = {buffer.data_ptr(): name for name, buffer in network.named_buffers()}
    return names.get(bad.data_ptr(), "a BN layer")
