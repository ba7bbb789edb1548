"""Batches of one size: what a network that was compiled for one can be given."""

import torch


def padded_batches(images: torch.Tensor, batch_size: int) -> tuple[torch.Tensor, ...]:
    """`images` in batches of exactly `batch_size`; copies of the first one fill up the last."""
    padding = images[:1].expand(-len(images) % batch_size, *images.shape[1:])
    batches: tuple[torch.Tensor, ...] = torch.cat([images, padding]).contiguous().split(batch_size)
    return batches
