"""PyTorch on CUDA without kernel-launch overhead: all kernels captured in one CUDA graph."""

from collections.abc import Mapping

import torch
from torch import nn

from nas.runtimes.padding import padded_batches
from nas.runtimes.placing import placed_images, placed_network
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
    """A captured graph; it reads images from and writes logits to fixed buffers."""

    @torch.inference_mode()
    def __init__(self, network: nn.Module, images: torch.Tensor) -> None:
        self._network, self._images, self._input = network, images, images.clone()
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP_RUNS):
                network(self._input)
        torch.cuda.current_stream().wait_stream(stream)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._output = network(self._input)

    def run(self) -> None:
        """See `CompiledNetwork.run`."""
        self._graph.replay()
        torch.cuda.synchronize()

    @torch.inference_mode()
    def logits(self, images: torch.Tensor) -> torch.Tensor:
        """See `CompiledNetwork.logits`; uses the batch size of the timed images."""
        outputs = []
        for batch in padded_batches(images, len(self._images)):
            self._input.copy_(batch)
            self.run()
            outputs.append(self._output.float().cpu())
        self._input.copy_(self._images)
        return torch.cat(outputs)[: len(images)]

    def peak_memory_bytes(self) -> None:
        """See `CompiledNetwork.peak_memory_bytes`; unknown: PyTorch owns the graph's pool."""
