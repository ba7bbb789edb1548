"""ProcessGroup: the processes that train one supernet together, as torchrun starts them.

Not DistributedDataParallel, which all-reduces gradients in buckets during every backward pass: a
step here has several backward passes. One all-reduce after the last of them carries everything.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import Tensor


class ProcessGroup:
    """This process and the others of its training; a single one where torchrun did not start it."""

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank, self.size = rank, size

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes files and shows progress."""
        return self.rank == 0

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its mean over the processes, in one all-reduce."""
        if not dist.is_initialized():
            return
        flat = torch.cat([tensor.detach().reshape(-1).float() for tensor in tensors])
        dist.all_reduce(flat)
        flat /= self.size
        with torch.no_grad():
            for tensor, mean in zip(tensors, flat.split([t.numel() for t in tensors]), strict=True):
                tensor.copy_(mean.view(tensor.shape))

    def wait(self) -> None:
        """Return once all processes have called this."""
        if self.size > 1:
            dist.barrier()


@contextmanager
def init_process_group(device: torch.device) -> Iterator[ProcessGroup]:
    """The group that torchrun's environment describes; NCCL on CUDA, gloo elsewhere."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield ProcessGroup()
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield ProcessGroup(dist.get_rank(), size)
    finally:
        dist.destroy_process_group()
