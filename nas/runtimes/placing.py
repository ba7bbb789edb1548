"""Places a network and its images on a device, for the runtimes that PyTorch itself runs."""

import torch
from torch import nn

from nas.runtimes.fold import fold_batch_norm
from nas.runtimes.from_pixels import FromPixels


def placed_network(
    network: nn.Module, images: torch.Tensor, device: str, dtype: torch.dtype
) -> nn.Module:
    """A copy with BN folded, channels-last, that computes in `dtype` on `device`."""
    folded = fold_batch_norm(network, images).to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    if isinstance(folded, FromPixels):
        folded.compute_in(dtype)
    else:
        folded.to(dtype)
    placed: nn.Module = folded
    return placed


def placed_images(
    images: torch.Tensor, device: str | torch.device, dtype: torch.dtype
) -> torch.Tensor:
    """Float images in `dtype` and channels-last; pixels stay bytes."""
    if images.dtype == torch.uint8:
        return images.to(device)
    return images.to(device, dtype, memory_format=torch.channels_last)
