"""BN layers that average over processes become ordinary ones: the training does that, if asked to.

nn.SyncBatchNorm refuses CPU tensors in a process group, and waits for the other processes wherever
it runs in training mode. The hyperparameter `sync_bn` averages in the training steps alone, on any
device.
"""

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from supernet.errors import ModelError


class BatchNorm(_BatchNorm):
    """BN over all dimensions but the second, however many there are."""

    def _check_input_dim(self, input: Tensor) -> None:
        if input.dim() < 2:
            raise ValueError(f"expected at least 2 dimensions, but got {input.dim()}")


def unsynchronise(model: nn.Module) -> None:
    """Make all nn.SyncBatchNorm layers of `model` ordinary BN layers, in place.

    Raises ModelError for classes that are derived from it, whose own code cannot be changed.
    """
    for path, module in model.named_modules():
        if type(module) is nn.SyncBatchNorm:
            module.__class__ = BatchNorm  # type: ignore[assignment]
        elif isinstance(module, nn.SyncBatchNorm):
            raise ModelError(
                f"BN layers must not wait for other processes, but {path} is a "
                f"{type(module).__name__}, derived from nn.SyncBatchNorm: build the network with "
                "nn.BatchNorm2d, and average over processes by --set sync_bn=true"
            )
