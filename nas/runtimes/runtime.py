"""The interface of a runtime, and the registry of runtimes by name."""

import importlib
from collections.abc import Collection, Mapping
from functools import partial
from typing import Protocol

import torch
from torch import nn

from nas.errors import RuntimeUnavailableError
from nas.runtimes.mixed import SEPARATOR, MixedRuntime
from nas.threads import threads_to_use


class CompiledNetwork(Protocol):
    """A network compiled by a runtime; the same object is timed and scored."""

    def run(self) -> None:
        """Run one inference on the images it was compiled with; return when it has finished."""

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        """Logits (N, num_classes) of images like those it was compiled with, any N, on the CPU."""

    def peak_memory_bytes(self) -> int | None:
        """Peak memory of a process that loads and runs the network; None if unknown."""


class Runtime(Protocol):
    """Runs networks on one device with a fixed number of threads."""

    name: str
    version: str
    device: str
    num_threads: int
    dtype: str
    """The dtype it computes in, one of DTYPES; weights are given to it in float32. Of a
    `MixedRuntime`, several, as in float32+int8."""
    details: Mapping[str, str]
    """Further settings that latency depends on, for the lookup table's target."""

    def compile(
        self, network: nn.Module, images: torch.Tensor, calibration: torch.Tensor | None = None
    ) -> CompiledNetwork:
        """Compile `network` for batches like `images`, on the CPU.

        In int8, `calibration` are images like them that represent the data, any number: the ranges
        of activations are learnt from them. Other dtypes need none.

        `network` is an extracted subnet with calibrated BN statistics, and its normalisation in
        front (`FromPixels`, for uint8 pixels (batch, side, side, channels)) or not (for float32
        images (batch, channels, side, side)). It is compiled in evaluation mode with BN folded, and
        is not changed.
        """


FLOATING = ("float32", "bfloat16", "float16")
DTYPES = (*FLOATING, "int8")
NUM_CALIBRATION_IMAGES = 300
"""Images that represent the data, for int8."""

# Name -> class, imported on demand: some need optional packages.
RUNTIMES = {
    "cudagraph": "nas.runtimes.cudagraph.CudaGraph",
    "eager": "nas.runtimes.eager.Eager",
    "executorch": "nas.runtimes.executorch.ExecuTorch",
    "inductor": "nas.runtimes.inductor.Inductor",
    "onnxruntime": "nas.runtimes.onnxruntime.OnnxRuntime",
    "openvino": "nas.runtimes.openvino.OpenVino",
}


def load_runtime(
    name: str | None = None,
    *,
    device: str = "cpu",
    num_threads: int | None = None,
    dtype: str = "float32",
) -> Runtime:
    """Create the runtime `name` on `device` ("cpu" or "cuda") with `num_threads` CPU threads.

    By default: ONNX Runtime on a CPU and eager PyTorch on CUDA, with one thread for each core
    that this process may use (`supernet.cores`). It computes in `dtype`, one of DTYPES, or in
    several such as float32+int8 (`nas.runtimes.mixed`).

    Raises:
        RuntimeUnavailableError: the runtime is unknown, its package or the device is missing, it
            can't compute in `dtype` on this machine, or there are fewer usable cores than threads.
    """
    if SEPARATOR in dtype:
        alone = partial(load_runtime, name, device=device, num_threads=num_threads)
        return MixedRuntime([alone(dtype=each) for each in dtype.split(SEPARATOR)])
    if device not in ("cpu", "cuda"):
        raise RuntimeUnavailableError(f"the device must be cpu or cuda, but got {device}")
    if device == "cuda" and not torch.cuda.is_available():
        raise RuntimeUnavailableError(
            "device cuda needs a GPU that PyTorch can see, but there is none; use --device cpu"
        )
    num_threads = threads_to_use(num_threads)
    name = name or ("onnxruntime" if device == "cpu" else "eager")
    if name not in RUNTIMES:
        raise RuntimeUnavailableError(
            f"the runtime must be one of {', '.join(RUNTIMES)}, but got {name}"
        )
    runtime: Runtime = _import(name)(device, num_threads, dtype)
    return runtime


def require_one_of(runtime: str, what: str, possible: Collection[str], given: str) -> None:
    """Raise RuntimeUnavailableError unless a setting is one that this machine supports."""
    if given not in possible:
        elsewhere = "; use --runtime onnxruntime or openvino with --device cpu"
        raise RuntimeUnavailableError(
            f"the {what} of {runtime} must be {' or '.join(possible)} on this machine, "
            f"but got {given}{elsewhere if given == 'int8' else ''}"
        )


def _import(name: str) -> type:
    module, _, kind = RUNTIMES[name].rpartition(".")
    try:
        return getattr(importlib.import_module(module), kind)  # type: ignore[no-any-return]
    except ImportError as error:
        raise RuntimeUnavailableError(
            f"the runtime {name} needs the package {error.name}, which is not installed; "
            f"run: pip install {error.name}"
        ) from error
