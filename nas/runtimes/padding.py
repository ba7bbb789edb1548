"""Pads images to whole batches, for networks compiled for a fixed batch size."""

import torch


def padded_batches(images: torch.Tensor, batch_size: int) -> tuple[torch.Tensor, ...]:
    """Split `images` into batches of `batch_size`; copies of the first image pad the last batch."""
    padding = images[:1].expand(-len(images) % batch_size, *images.shape[1:])
    batches: tuple[torch.Tensor, ...] = torch.cat([images, padding]).contiguous().split(batch_size)
    return batches
