"""ExecuTorch with XNNPACK: PyTorch's runtime for phones and other small devices."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Mapping
from importlib.metadata import version

import torch
from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
from executorch.exir import to_edge_transform_and_lower
from executorch.extension.pybindings.portable_lib import _unsafe_reset_threadpool
from executorch.runtime import Method
from executorch.runtime import Runtime as Loader
from torch import nn

from nas.runtimes.fold import fold_batch_norm
from nas.runtimes.padding import padded_batches
from nas.runtimes.runtime import require_one_of


class ExecuTorch:
    """ExecuTorch's portable runtime, with every operator that XNNPACK supports delegated to it.

    XNNPACK has one thread pool per process: creating this runtime sets its size globally.
    """

    name = "executorch"
    version = version("executorch")

    def __init__(self, device: str, num_threads: int, dtype: str = "float32") -> None:
        require_one_of(self.name, "device", ("cpu",), device)
        require_one_of(self.name, "dtype", ("float32",), dtype)
        self.device = device
        self.num_threads = num_threads
        self.dtype = dtype
        self.details: Mapping[str, str] = {"backend": "XNNPACK"}
        _unsafe_reset_threadpool(num_threads)

    def compile(
        self, network: nn.Module, images: torch.Tensor, calibration: torch.Tensor | None = None
    ) -> "ExecuTorchNetwork":
        """See `Runtime.compile`; takes seconds for each network."""
        plain = fold_batch_norm(network, images).to(memory_format=torch.contiguous_format)
        images = images.contiguous()
        with torch.no_grad(), _silence():
            program = torch.export.export(plain, (images,))
            lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
            content = lowered.to_executorch().buffer
        return ExecuTorchNetwork(content, images)


class ExecuTorchNetwork:
    """A loaded ExecuTorch program and the images that it is timed on."""

    def __init__(self, content: bytes, images: torch.Tensor) -> None:
        self._content = content  # the program reads its weights from this buffer: keep it alive
        self._program = Loader.get().load_program(content)
        method = self._program.load_method("forward")
        assert isinstance(method, Method)
        self._method, self._images = method, images

    def run(self) -> None:
        """See `CompiledNetwork.run`."""
        self._method.execute([self._images])

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        """See `CompiledNetwork.logits`; uses the batch size of the timed images."""
        batches = padded_batches(images, len(self._images))
        outputs = [self._method.execute([batch.contiguous()])[0].clone() for batch in batches]
        return torch.cat(outputs)[: len(images)]

    def peak_memory_bytes(self) -> None:
        """See `CompiledNetwork.peak_memory_bytes`; unknown: the runtime does not report it."""


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Suppress what lowering prints, logs and warns about its own internals."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
