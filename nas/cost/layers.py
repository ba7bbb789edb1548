"""What each layer of a plain network costs: the numbers that its latency depends on."""

import math
from typing import Any

import torch
from torch import nn

from nas.cost.macs import without_data

LAYERS = (nn.modules.conv._ConvNd, nn.Linear)
"""What latency is predicted from; functional operations and attention are in `count_macs` alone."""
CHANNELS_PER_VECTOR = 16
"""Runtimes compute channels in vectors of 8 or 16; a rest costs as much as a whole one."""


def layer_costs(network: nn.Module, resolution: int, *, in_channels: int = 3) -> list[float]:
    """Four numbers for each convolution and linear layer, in the order in which they run.

    MACs; MACs with channels rounded up to whole vectors; numbers read and written; weights. For
    one image of `in_channels` x `resolution` x `resolution`; nothing is computed. Networks of one
    architecture give lists of one length.
    """
    costs: list[float] = []

    def note(layer: Any, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        groups = getattr(layer, "groups", 1)
        weights = layer.weight.numel()
        # A transposed kernel is applied at each input, and its first dimension is the inputs'.
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
        layer.register_forward_hook(note) for layer in bare.modules() if isinstance(layer, LAYERS)
    ]
    with torch.inference_mode():
        bare(torch.empty(1, in_channels, resolution, resolution, device="meta"))
    for handle in handles:
        handle.remove()
    return costs


def _vectors(channels: int) -> int:
    return CHANNELS_PER_VECTOR * math.ceil(channels / CHANNELS_PER_VECTOR)
