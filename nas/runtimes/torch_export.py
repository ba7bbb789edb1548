"""torch.export: the network as a graph of ATen operations, run by PyTorch."""

from collections.abc import Mapping

import torch
from torch import nn

from nas.runtimes.fold import fold_batch_norm
from nas.runtimes.padding import padded_batches
from nas.runtimes.runtime import require_one_of


class TorchExport:
    """An exported graph on the CPU, BN folded, in channels-last order."""

    name = "torch_export"
    version = torch.__version__

    def __init__(self, device: str, num_threads: int, dtype: str = "float32") -> None:
        require_one_of(self.name, "device", ("cpu",), device)
        require_one_of(self.name, "dtype", ("float32",), dtype)
        self.device, self.num_threads, self.dtype = device, num_threads, dtype
        self.details: Mapping[str, str] = {"memory_format": "channels_last"}
        torch.set_num_threads(num_threads)

    def compile(self, network: nn.Module, images: torch.Tensor) -> "TorchExportNetwork":
        """See `Runtime.compile`."""
        folded = fold_batch_norm(network).to(memory_format=torch.channels_last)
        placed = images.to(memory_format=torch.channels_last)
        graph = torch.export.export(folded, (placed,)).module()
        return TorchExportNetwork(graph, placed)


class TorchExportNetwork:
    """A graph and the images that it is timed on."""

    def __init__(self, network: nn.Module, images: torch.Tensor) -> None:
        self._network, self._images = network, images

    @torch.inference_mode()
    def run(self) -> None:
        """See `CompiledNetwork.run`."""
        self._network(self._images)

    @torch.inference_mode()
    def logits(self, images: torch.Tensor) -> torch.Tensor:
        """See `CompiledNetwork.logits`; runs batches of the size that it is timed with."""
        batches = padded_batches(images, len(self._images))
        return torch.cat(
            [self._network(batch.to(memory_format=torch.channels_last)) for batch in batches]
        )[: len(images)]

    def peak_memory_bytes(self) -> None:
        """See `CompiledNetwork.peak_memory_bytes`: unknown, PyTorch counts no memory on a CPU."""
