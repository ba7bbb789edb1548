"""Places a network and its images on a device, for the runtimes that PyTorch itself runs."""

import torch
from torch import nn

from nas.runtimes.fold import fold_batch_norm
from nas.runtimes.from_pixels import FromPixels

LARGE = 256
"""Images at a time that a GPU scores, however many are timed."""


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


@torch.inference_mode()
def logits_of(
    network: nn.Module, images: torch.Tensor, like: torch.Tensor, batch_size: int
) -> torch.Tensor:
    """Logits of a placed network, float32 (N, num_classes) on the CPU, `batch_size` at a time.

    `images` are on the CPU, any number; they are placed like the images `like`.
    """
    batches = (placed_images(each, like.device, like.dtype) for each in images.split(batch_size))
    return torch.cat([network(batch).cpu() for batch in batches]).float()
