"""Costs of each layer of a plain network: the inputs of the latency predictor."""

import math
from typing import Any

import torch
from torch import nn

from nas.cost.macs import without_data
from supernet.tracing import OneDevice

LAYERS = (nn.modules.conv._ConvNd, nn.Linear)
"""Layers that latency is predicted from. Unlike in `count_macs`, functional operations and
attention are ignored."""
CHANNELS_PER_VECTOR = 16
"""Runtimes process channels in vectors of 8 or 16; a partial vector costs as much as a full one."""


def layer_costs(network: nn.Module, resolution: int, *, in_channels: int = 3) -> list[float]:
    """Four costs for each convolution and linear layer, in execution order, as one flat list.

    They are: MACs; MACs with channels rounded up to full vectors; activations read and written;
    weights. All are for one image of `in_channels` x `resolution` x `resolution`. The network runs
    on the meta device, so nothing is computed. All subnets of one architecture give lists of equal
    length.
    """
    costs: list[float] = []

    def record(layer: Any, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        groups = getattr(layer, "groups", 1)
        weights = layer.weight.numel()
        # A transposed kernel is applied at each input pixel; its first dimension is in_channels.
        source = inputs[0] if getattr(layer, "transposed", False) else output
        pixels = source.numel() / layer.weight.shape[0]
        out_channels, in_channels = layer.weight.shape[:2]
        whole = weights / (out_channels * in_channels) * _vectors(out_channels)
        if groups == 1:
            whole *= _vectors(in_channels)
        costs.extend(
            [weights * pixels, whole * pixels, inputs[0].numel() + output.numel(), weights]
        )

    bare = without_data(network).eval()
    handles = [
        layer.register_forward_hook(record) for layer in bare.modules() if isinstance(layer, LAYERS)
    ]
    with torch.inference_mode(), OneDevice():  # type: ignore[no-untyped-call]
        bare(torch.empty(1, in_channels, resolution, resolution, device="meta"))
    for handle in handles:
        handle.remove()
    return costs


def _vectors(channels: int) -> int:
    return CHANNELS_PER_VECTOR * math.ceil(channels / CHANNELS_PER_VECTOR)
