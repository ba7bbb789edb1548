"""MACs and parameters of a plain network.

Limits: a multiply-add of a convolution or a linear layer counts as one, for one image;
normalisation, activations, pooling and additions count as nothing, as in the papers. A layer whose
weights thop does not count is an error, never a silent zero.
"""

import copy
from collections.abc import Iterator
from typing import Any

import thop
import torch
from torch import nn

from nas.errors import ResolutionError, UncountedLayerError

COUNTED = (nn.modules.conv._ConvNd, nn.Linear)


def _no_macs(module: nn.Module, args: object, output: object) -> None:
    """Rule of thop for a layer that costs nothing here."""


# thop counts these by default; the papers don't.
FREE = dict.fromkeys(
    (
        nn.modules.batchnorm._NormBase,
        nn.LayerNorm,
        nn.GroupNorm,
        nn.PReLU,
        nn.Softmax,
        nn.AvgPool2d,
        nn.AdaptiveAvgPool2d,
        nn.Upsample,
    ),
    _no_macs,
)


def count_macs(network: nn.Module, resolution: int, *, in_channels: int = 3) -> int:
    """Multiply-adds of `network` for one image of `in_channels` x `resolution` x `resolution`.

    Counted by thop on a copy without data, so `network` is not changed and nothing is computed.

    Raises:
        UncountedLayerError: a layer has a weight matrix that thop has no rule for.
        ResolutionError: the network cannot take images of this size.
    """
    macs, _, _ = _profile(network, resolution, in_channels)
    return int(macs)


def count_layer_macs(
    network: nn.Module, resolution: int, *, in_channels: int = 3
) -> dict[str, int]:
    """The same by layer, under the layers' names in `network`; raises like `count_macs`."""
    _, _, tree = _profile(network, resolution, in_channels)
    return dict(_flat(tree, "")) if tree else {"": count_macs(network, resolution)}


def _flat(tree: dict[str, Any], prefix: str) -> Iterator[tuple[str, int]]:
    """The leaves of what thop says of each layer."""
    for name, (macs, _, children) in tree.items():
        if children:
            yield from _flat(children, f"{prefix}{name}.")
        elif macs:
            yield prefix + name, int(macs)


def _profile(network: nn.Module, resolution: int, in_channels: int) -> tuple[Any, Any, Any]:
    _require_counted(network)
    image = torch.empty(1, in_channels, resolution, resolution, device="meta")
    try:
        return thop.profile(  # type: ignore[no-any-return]
            without_data(network), (image,), custom_ops=FREE, verbose=False, ret_layer_info=True
        )
    except RuntimeError as error:
        reason = str(error).partition("\n")[0]
        raise ResolutionError(
            f"the network must take {in_channels}x{resolution}x{resolution} images, "
            f"but got: {reason}; choose another resolution"
        ) from error


def count_params(network: nn.Module) -> int:
    """Numbers that training fits: all parameters, each once; BN statistics are not among them."""
    return sum(parameter.numel() for parameter in network.parameters())


def _require_counted(network: nn.Module) -> None:
    """A parameter with one dimension scales or shifts, as in BN; any other belongs to a product."""
    for name, module in network.named_modules():
        if isinstance(module, COUNTED):
            continue
        for parameter in module.parameters(recurse=False):
            if sum(size > 1 for size in parameter.shape) > 1:
                raise UncountedLayerError(
                    "every layer with weights must be a convolution or a linear layer, but "
                    f"'{name}' is a {type(module).__name__}; build it from torch.nn layers"
                )


def without_data(network: nn.Module) -> nn.Module:
    """Copy of `network` whose tensors have shapes but no data."""
    tensors = [*network.parameters(), *network.buffers()]
    memo: dict[int, object] = {id(tensor): _shape_only(tensor) for tensor in tensors}
    return copy.deepcopy(network, memo)


def _shape_only(tensor: torch.Tensor) -> torch.Tensor:
    empty = torch.empty_like(tensor, device="meta", requires_grad=False)
    return nn.Parameter(empty, requires_grad=False) if isinstance(tensor, nn.Parameter) else empty
