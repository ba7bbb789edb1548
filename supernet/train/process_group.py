"""Team: the processes that train one supernet together, as torchrun starts them.

Not DistributedDataParallel: that reduces gradients in several messages as a backward pass goes, and
a step here has several backward passes. One message after the last of them carries everything.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from supernet.errors import SupernetError


class Team:
    """This process and its fellows; alone where torchrun did not start it."""

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank, self.size = rank, size

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes and shows."""
        return self.rank == 0

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its mean over the processes, all in one message."""
        if not dist.is_initialized():
            return
        flat = torch.cat([tensor.detach().reshape(-1).float() for tensor in tensors])
        dist.all_reduce(flat)
        flat /= self.size
        with torch.no_grad():
            for tensor, mean in zip(tensors, flat.split([t.numel() for t in tensors]), strict=True):
                tensor.copy_(mean.view(tensor.shape))

    def wait(self) -> None:
        """Return when all processes are here."""
        if self.size > 1:
            dist.barrier()


@contextmanager
def join_team(device: torch.device) -> Iterator[Team]:
    """The team that torchrun's environment describes; NCCL on CUDA, gloo elsewhere."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Team()
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Team(dist.get_rank(), size)
    finally:
        dist.destroy_process_group()


def share_bn(model: nn.Module) -> None:
    """Let BN layers take their statistics in training over all processes.

    nn.SyncBatchNorm would do on CUDA; it refuses CPU tensors (torch 2.15).
    """
    for layer in model.modules():
        if type(layer) is nn.BatchNorm2d:
            layer.__class__ = TeamBatchNorm
        elif isinstance(layer, nn.modules.batchnorm._BatchNorm):
            raise SupernetError(
                "sync_bn needs nn.BatchNorm2d layers, but the network has a "
                f"{type(layer).__name__}: leave sync_bn out"
            )


class TeamBatchNorm(nn.BatchNorm2d):
    """nn.BatchNorm2d whose batch is that of all processes; each must have equally many images."""

    def forward(self, x: Tensor) -> Tensor:
        """As nn.BatchNorm2d's; two messages forward and two backward, in training."""
        if not (self.training and dist.is_initialized()):
            return super().forward(x)
        size, places = dist.get_world_size(), (0, 2, 3)
        wide = x.float()
        mean: Tensor = _SumOverTeam.apply(wide.mean(places)) / size
        centred = wide - mean.view(1, -1, 1, 1)
        variance: Tensor = _SumOverTeam.apply(centred.square().mean(places)) / size
        self._note(mean.detach(), variance.detach(), size * x.numel() // x.shape[1])
        normal = centred * torch.rsqrt(variance + self.eps).view(1, -1, 1, 1)
        if self.affine:
            normal = normal * self.weight.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)
        return normal.to(x.dtype)

    def _note(self, mean: Tensor, variance: Tensor, count: int) -> None:
        if self.running_mean is not None and self.running_var is not None:
            momentum = 0.1 if self.momentum is None else self.momentum
            self.running_mean.lerp_(mean, momentum)
            self.running_var.lerp_(variance * count / max(count - 1, 1), momentum)


class _SumOverTeam(torch.autograd.Function):
    """Sum of a tensor over the processes; the gradient is the sum of theirs."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor) -> Tensor:
        total = tensor.contiguous().clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].contiguous().clone()
        dist.all_reduce(total)
        return total
