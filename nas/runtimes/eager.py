"""Eager PyTorch: the network as it runs without any deployment step."""

from collections.abc import Mapping

import torch
from torch import nn

from nas.runtimes.placing import LARGE, logits_of, placed_images, placed_network
from nas.runtimes.runtime import FLOATING, require_one_of


class Eager:
    """Eager PyTorch with BN folded; weights and images are channels-last and of one dtype.

    PyTorch has one thread pool per process: creating this runtime sets its size globally.
    """

    name = "eager"
    version = torch.__version__

    def __init__(self, device: str, num_threads: int, dtype: str = "float32") -> None:
        require_one_of(self.name, "dtype", FLOATING, dtype)
        self.device = device
        self.num_threads = num_threads
        self.dtype = dtype
        details = {"memory_format": "channels_last"}
        if device == "cuda":
            details["convolutions_in_tf32"] = str(torch.backends.cudnn.allow_tf32)
        self.details: Mapping[str, str] = details
        torch.set_num_threads(num_threads)

    def compile(
        self, network: nn.Module, images: torch.Tensor, calibration: torch.Tensor | None = None
    ) -> "EagerNetwork":
        """See `Runtime.compile`."""
        dtype = getattr(torch, self.dtype)
        placed = placed_network(network, images, self.device, dtype)
        return EagerNetwork(placed, placed_images(images, self.device, dtype))


class EagerNetwork:
    """A network with BN folded and the images that it is timed on, both on the device."""

    def __init__(self, network: nn.Module, images: torch.Tensor) -> None:
        self._network = network
        self._images = images

    @torch.inference_mode()
    def run(self) -> None:
        """See `CompiledNetwork.run`."""
        self._network(self._images)
        if self._images.is_cuda:
            torch.cuda.synchronize()

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        """See `CompiledNetwork.logits`; uses the batch size of the timed images, on a GPU at least
        `LARGE`."""
        batch_size = max(LARGE if self._images.is_cuda else 1, len(self._images))
        return logits_of(self._network, images, self._images, batch_size)

    def peak_memory_bytes(self) -> None:
        """See `CompiledNetwork.peak_memory_bytes`; unknown: PyTorch tracks no CPU memory."""
