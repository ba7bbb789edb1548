"""PyTorch as it is: what a model gives that is run without any deployment step."""

from collections.abc import Mapping

import torch
from torch import nn

from nas.fold import fold_batch_norm


class Eager:
    """Eager PyTorch, BN folded, weights and images in channels-last order.

    PyTorch has one pool of threads a process: making this runtime sets its size for all.
    """

    name = "eager"
    version = torch.__version__

    def __init__(self, device: str, num_threads: int) -> None:
        self.device = device
        self.num_threads = num_threads
        self.details: Mapping[str, str] = {"memory_format": "channels_last"}
        torch.set_num_threads(num_threads)

    def compile(self, network: nn.Module, images: torch.Tensor) -> "EagerNetwork":
        """See `Runtime.compile`."""
        folded = fold_batch_norm(network).to(memory_format=torch.channels_last)
        return EagerNetwork(folded.to(self.device), _placed(images, self.device))


class EagerNetwork:
    """A folded network and the images that it is timed on, both on the device."""

    def __init__(self, network: nn.Module, images: torch.Tensor) -> None:
        self._network = network
        self._images = images

    @torch.inference_mode()
    def run(self) -> None:
        """See `CompiledNetwork.run`."""
        self._network(self._images)
        if self._images.is_cuda:
            torch.cuda.synchronize()

    @torch.inference_mode()
    def logits(self, images: torch.Tensor) -> torch.Tensor:
        """See `CompiledNetwork.logits`; runs batches of the size that it is timed with."""
        batches = images.split(len(self._images))
        return torch.cat([self._network(_placed(b, self._images.device)).cpu() for b in batches])

    def peak_memory_bytes(self) -> None:
        """See `CompiledNetwork.peak_memory_bytes`: unknown, PyTorch counts no memory on a CPU."""


def _placed(images: torch.Tensor, device: str | torch.device) -> torch.Tensor:
    return images.to(device, memory_format=torch.channels_last)
