"""What each layer of a plain network costs: the numbers that its latency depends on."""

import math
from typing import Any

import torch
from torch import nn

from nas.cost.macs import COUNTED, without_data

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
        pixels = output.numel() / output.shape[1]
        out_channels, in_channels = layer.weight.shape[:2]
        whole = weights / (out_channels * in_channels) * _vectors(out_channels)
        if groups == 1:
            whole *= _vectors(in_channels)
        costs.extend(
            [weights * pixels, whole * pixels, inputs[0].numel() + output.numel(), weights]
        )

    bare = without_data(network).eval()
    handles = [
        layer.register_forward_hook(note) for layer in bare.modules() if isinstance(layer, COUNTED)
    ]
    with torch.inference_mode():
        bare(torch.empty(1, in_channels, resolution, resolution, device="meta"))
    for handle in handles:
        handle.remove()
    return costs


def _vectors(channels: int) -> int:
    return CHANNELS_PER_VECTOR * math.ceil(channels / CHANNELS_PER_VECTOR)
