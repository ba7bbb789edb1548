"""LiteRT, formerly TensorFlow Lite: Google's runtime for phones and other small devices."""

import contextlib
import io
import logging
import os
import warnings
from collections.abc import Iterator, Mapping
from importlib.metadata import version

import litert_torch
import torch
from ai_edge_litert.interpreter import Interpreter
from torch import nn

from nas.runtimes.fold import fold_batch_norm
from nas.runtimes.padding import padded_batches
from nas.runtimes.runtime import require_one_of


class LiteRt:
    """LiteRT's interpreter, which delegates every operator that it can to XNNPACK.

    litert-torch converts a network from `torch.export`, in channels-last order: what takes pixels
    has no transposes.
    """

    name = "litert"
    version = version("ai-edge-litert")

    def __init__(self, device: str, num_threads: int, dtype: str = "float32") -> None:
        require_one_of(self.name, "device", ("cpu",), device)
        require_one_of(self.name, "dtype", ("float32",), dtype)
        self.device = device
        self.num_threads = num_threads
        self.dtype = dtype
        converter = f"litert-torch {version('litert-torch')}"
        self.details: Mapping[str, str] = {"backend": "XNNPACK", "converter": converter}

    def compile(
        self, network: nn.Module, images: torch.Tensor, calibration: torch.Tensor | None = None
    ) -> "LiteRtNetwork":
        """See `Runtime.compile`; takes seconds for each network."""
        plain = fold_batch_norm(network, images).to(memory_format=torch.contiguous_format)
        images = images.contiguous()
        with torch.no_grad(), _silence():
            content = litert_torch.convert(plain, (images,)).model_content()
            return LiteRtNetwork(content, images, self.num_threads)


class LiteRtNetwork:
    """An interpreter of a .tflite file's `content`, and the images that it is timed on."""

    def __init__(self, content: bytes, images: torch.Tensor, num_threads: int) -> None:
        self.content = content
        self._images = images.numpy()
        self._interpreter = Interpreter(model_content=content, num_threads=num_threads)
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._output = self._interpreter.get_output_details()[0]["index"]

    def run(self) -> None:
        """See `CompiledNetwork.run`."""
        self._interpreter.set_tensor(self._input, self._images)
        self._interpreter.invoke()

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        """See `CompiledNetwork.logits`; uses the batch size of the timed images."""
        outputs = [self._logits(batch) for batch in padded_batches(images, len(self._images))]
        return torch.cat(outputs)[: len(images)]

    def _logits(self, batch: torch.Tensor) -> torch.Tensor:
        self._interpreter.set_tensor(self._input, batch.contiguous().numpy())
        self._interpreter.invoke()
        return torch.from_numpy(self._interpreter.get_tensor(self._output))

    def peak_memory_bytes(self) -> None:
        """See `CompiledNetwork.peak_memory_bytes`; unknown: the runtime does not report it."""


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Suppress what converting and loading print, log and warn about their own internals.

    The converter and XNNPACK are in C++ and write to the file descriptor of the standard error.
    """
    before, stderr = logging.root.manager.disable, os.dup(2)
    logging.disable(logging.WARNING)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
            open(os.devnull, "w") as nowhere,
        ):
            warnings.simplefilter("ignore")
            os.dup2(nowhere.fileno(), 2)
            yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        logging.disable(before)
