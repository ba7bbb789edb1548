"""Batch normalisation over all processes, within a training step."""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn.functional import batch_norm
from torch.overrides import TorchFunctionMode


class SyncBatchNorm(TorchFunctionMode):
    """Within `with`, BN layers in training normalise by the statistics of all processes' batches.

    Each process must have equally many images. The layers are left alone: the mode intercepts their
    call of `F.batch_norm`. Not nn.SyncBatchNorm, which replaces layers and, as of torch 2.15,
    refuses CPU tensors. Without a process group the batch is this process's.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Call `func`, or the synchronised form of it."""
        kwargs = kwargs or {}
        if func is batch_norm and kwargs["training"] and dist.is_initialized():
            return _sync_batch_norm(*args, **kwargs)
        return func(*args, **kwargs)


def _sync_batch_norm(
    x: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None,
    bias: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
) -> Tensor:
    """As F.batch_norm in training, with two all-reduces forward and two backward."""
    size, dims = dist.get_world_size(), [dim for dim in range(x.dim()) if dim != 1]
    shape = [1, -1, *[1] * (x.dim() - 2)]
    wide = x.float()
    mean: Tensor = _AllReduce.apply(wide.mean(dims)) / size
    centred = wide - mean.view(shape)
    variance: Tensor = _AllReduce.apply(centred.square().mean(dims)) / size
    if running_mean is not None and running_var is not None:
        count = size * x.numel() // x.shape[1]
        running_mean.lerp_(mean.detach(), momentum)
        running_var.lerp_(variance.detach() * count / max(count - 1, 1), momentum)
    normal = centred * torch.rsqrt(variance + eps).view(shape)
    if weight is not None:
        normal = normal * weight.view(shape)
    if bias is not None:
        normal = normal + bias.view(shape)
    return normal.to(x.dtype)


class _AllReduce(torch.autograd.Function):
    """Sum of a tensor over the processes; its gradient is the sum of their gradients."""

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
