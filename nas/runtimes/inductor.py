"""AOTInductor: torch.compile's backend, ahead of time, into a library that needs no Python."""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import nn
from torch._inductor import aoti_compile_and_package, aoti_load_package
from torch._inductor.cpp_builder import get_cpp_compiler
from torch._inductor.exc import InvalidCxxCompiler

from nas.errors import RuntimeUnavailableError
from nas.runtimes.padding import padded_batches
from nas.runtimes.placing import placed_images, placed_network
from nas.runtimes.runtime import FLOATING, require_one_of


class Inductor:
    """AOTInductor, channels-last. Each network takes seconds to compile.

    Not torch.compile, which silently falls back to eager after a few networks of one class (its
    recompilation limit).
    """

    name = "inductor"
    version = torch.__version__

    def __init__(self, device: str, num_threads: int, dtype: str = "float32") -> None:
        require_one_of(self.name, "dtype", FLOATING, dtype)
        self.device = device
        self.num_threads = num_threads
        self.dtype = dtype
        self.details: Mapping[str, str] = {"mode": "AOTInductor"}
        if device == "cpu":
            _require_compiler()
        torch.set_num_threads(num_threads)  # compiled code hard-codes this number

    def compile(
        self, network: nn.Module, images: torch.Tensor, calibration: torch.Tensor | None = None
    ) -> "InductorNetwork":
        """See `Runtime.compile`; takes seconds for each network."""
        torch.set_num_threads(self.num_threads)
        dtype = getattr(torch, self.dtype)
        placed = placed_network(network, images, self.device, dtype)
        images = placed_images(images, self.device, dtype)
        with torch.no_grad(), tempfile.TemporaryDirectory() as folder:
            program = torch.export.export(placed, (images,))
            path = aoti_compile_and_package(program, package_path=str(Path(folder) / "network.pt2"))
            return InductorNetwork(aoti_load_package(path), images)


class InductorNetwork:
    """A compiled library and the images that it is timed on, both on the device."""

    def __init__(
        self, compiled: Callable[[torch.Tensor], torch.Tensor], images: torch.Tensor
    ) -> None:
        self._compiled, self._images = compiled, images

    @torch.inference_mode()
    def run(self) -> None:
        """See `CompiledNetwork.run`."""
        self._compiled(self._images)
        if self._images.is_cuda:
            torch.cuda.synchronize()

    @torch.inference_mode()
    def logits(self, images: torch.Tensor) -> torch.Tensor:
        """See `CompiledNetwork.logits`; uses the batch size of the timed images."""
        outputs = [
            self._compiled(placed_images(batch, self._images.device, self._images.dtype)).cpu()
            for batch in padded_batches(images, len(self._images))
        ]
        return torch.cat(outputs)[: len(images)].float()

    def peak_memory_bytes(self) -> None:
        """See `CompiledNetwork.peak_memory_bytes`; unknown: the runtime does not report it."""


def _require_compiler() -> None:
    try:
        get_cpp_compiler()
    except (InvalidCxxCompiler, PermissionError) as error:  # missing or not executable
        raise RuntimeUnavailableError(
            "the runtime inductor needs a C++ compiler on the PATH (or named by CXX), but there is "
            "none; install g++ or use --runtime onnxruntime"
        ) from error
