"""PyTorch on CUDA without kernel-launch overhead: all kernels captured in one CUDA graph."""

from collections.abc import Mapping

import torch
from torch import nn

from nas.runtimes.placing import LARGE, logits_of, placed_images, placed_network
from nas.runtimes.runtime import FLOATING, require_one_of

WARM_UP_RUNS = 3
"""Runs before the capture, as PyTorch requires: libraries select and initialise their kernels."""


class CudaGraph:
    """Eager PyTorch's kernels in a CUDA graph, with BN folded and channels-last.

    Measures the GPU's time without the host's.
    """

    name = "cudagraph"
    version = torch.__version__

    def __init__(self, device: str, num_threads: int, dtype: str = "float32") -> None:
        require_one_of(self.name, "device", ("cuda",), device)
        require_one_of(self.name, "dtype", FLOATING, dtype)
        self.device = device
        self.num_threads = num_threads
        self.dtype = dtype
        self.details: Mapping[str, str] = {
            "memory_format": "channels_last",
            "convolutions_in_tf32": str(torch.backends.cudnn.allow_tf32),
        }

    def compile(
        self, network: nn.Module, images: torch.Tensor, calibration: torch.Tensor | None = None
    ) -> "CudaGraphNetwork":
        """See `Runtime.compile`."""
        dtype = getattr(torch, self.dtype)
        placed = placed_network(network, images, self.device, dtype)
        return CudaGraphNetwork(placed, placed_images(images, self.device, dtype))


class CudaGraphNetwork:
    """A captured graph; it reads the images that it was captured with."""

    @torch.inference_mode()
    def __init__(self, network: nn.Module, images: torch.Tensor) -> None:
        self._network, self._images = network, images
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP_RUNS):
                network(images)
        torch.cuda.current_stream().wait_stream(stream)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._output = network(images)

    def run(self) -> None:
        """See `CompiledNetwork.run`."""
        self._graph.replay()
        torch.cuda.synchronize()

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        """See `CompiledNetwork.logits`; by the same kernels' library in the same number type, but
        in large batches: 5,000 images in replays of one would take longer than the timing."""
        return logits_of(self._network, images, self._images, max(LARGE, len(self._images)))

    def peak_memory_bytes(self) -> None:
        """See `CompiledNetwork.peak_memory_bytes`; unknown: PyTorch owns the graph's pool."""
