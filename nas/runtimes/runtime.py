"""What every runtime can do, and how one is found by its name."""

import importlib
import os
from collections.abc import Collection, Mapping
from typing import Protocol

import torch
from torch import nn

from nas.errors import RuntimeUnavailableError


class CompiledNetwork(Protocol):
    """A network made ready by a runtime: what is timed is what is scored."""

    def run(self) -> None:
        """One inference on the images that it was compiled with; returns when it is done."""

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        """(N, num_classes) of (N, C, H, W) float32 images, any N, on the CPU."""

    def peak_memory_bytes(self) -> int | None:
        """Most memory that a process needs to load and run it; None where that is not known."""


class Runtime(Protocol):
    """Runs networks on one device with a fixed number of threads."""

    name: str
    version: str
    device: str
    num_threads: int
    dtype: str
    """What it computes in, one of DTYPES; weights and images are given in float32."""
    details: Mapping[str, str]

    def compile(self, network: nn.Module, images: torch.Tensor) -> CompiledNetwork:
        """Make `network` ready to run on batches like `images`: (batch, C, H, W) float32 on a CPU.

        `network` is plain, with BN statistics of its own (an extracted subnet); it is run in
        evaluation mode with BN folded, and is itself not changed.
        """


DTYPES = ("float32", "bfloat16", "float16")

# Name -> class, imported only when asked for: some need packages that are not always there.
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
    """The runtime called `name` on `device` ("cpu" or "cuda") with `num_threads` CPU threads.

    It computes in `dtype`, one of DTYPES.

    By default ONNX Runtime on a CPU, which is what deploys there, and eager PyTorch on CUDA; as
    many threads as this process may use cores.

    Raises:
        RuntimeUnavailableError: no such runtime, its package or the device is missing, or it can't
            compute in `dtype` here.
    """
    if device not in ("cpu", "cuda"):
        raise RuntimeUnavailableError(f"the device must be cpu or cuda, but got {device}")
    if device == "cuda" and not torch.cuda.is_available():
        raise RuntimeUnavailableError(
            "device cuda needs a GPU that PyTorch can see, but there is none; use --device cpu"
        )
    if num_threads is not None and num_threads < 1:
        raise RuntimeUnavailableError(f"the number of threads must be >= 1, but got {num_threads}")
    name = name or ("onnxruntime" if device == "cpu" else "eager")
    if name not in RUNTIMES:
        raise RuntimeUnavailableError(
            f"the runtime must be one of {', '.join(RUNTIMES)}, but got {name}"
        )
    num_threads = num_threads or len(os.sched_getaffinity(0))
    runtime: Runtime = _import(name)(device, num_threads, dtype)
    return runtime


def require_one_of(runtime: str, what: str, possible: Collection[str], given: str) -> None:
    """Raise RuntimeUnavailableError where a runtime can't do on this machine what is asked for."""
    if given not in possible:
        raise RuntimeUnavailableError(
            f"the {what} of {runtime} must be {' or '.join(possible)} on this machine, "
            f"but got {given}"
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
