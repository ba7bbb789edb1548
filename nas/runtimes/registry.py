"""The registry of runtimes by name."""

import importlib
from collections.abc import Sequence
from functools import partial

import torch

from nas.errors import RuntimeUnavailableError
from nas.runtimes.mixed import SEPARATOR, MixedRuntime
from nas.runtimes.runtime import Runtime
from nas.threads import threads_to_use

# Name -> class, imported on demand: some need optional packages.
RUNTIMES = {
    "cudagraph": "nas.runtimes.cudagraph.CudaGraph",
    "eager": "nas.runtimes.eager.Eager",
    "executorch": "nas.runtimes.executorch.ExecuTorch",
    "inductor": "nas.runtimes.inductor.Inductor",
    "litert": "nas.runtimes.litert.LiteRt",
    "onnxruntime": "nas.runtimes.onnxruntime.OnnxRuntime",
    "openvino": "nas.runtimes.openvino.OpenVino",
}

DEFAULTS = {"cpu": "onnxruntime", "cuda": "cudagraph"}
"""The runtime of a device where none is named. Eager PyTorch on CUDA takes as long as the host
needs to launch the kernels, whatever the widths."""
HALF = ("cudagraph", "eager", "inductor")
"""Runtimes that are deployed in float16 on CUDA."""


def default_dtype(names: Sequence[str | None], device: str) -> str:
    """What runtimes of these names (None: the default) compute in where no number type is named.

    float16 on CUDA if all of them can; else float32.
    """
    can = device == "cuda" and all((name or DEFAULTS[device]) in HALF for name in names)
    return "float16" if can else "float32"


def load_runtime(
    name: str | None = None,
    *,
    device: str = "cpu",
    num_threads: int | None = None,
    dtype: str = "float32",
) -> Runtime:
    """Create the runtime `name` on `device` ("cpu" or "cuda") with `num_threads` CPU threads.

    By default: ONNX Runtime on a CPU and a CUDA graph on CUDA, with one thread for each core
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
    name = name or DEFAULTS[device]
    if name not in RUNTIMES:
        raise RuntimeUnavailableError(
            f"the runtime must be one of {', '.join(RUNTIMES)}, but got {name}"
        )
    runtime: Runtime = _import(name)(device, num_threads, dtype)
    return runtime


def _import(name: str) -> type:
    module, _, kind = RUNTIMES[name].rpartition(".")
    try:
        return getattr(importlib.import_module(module), kind)  # type: ignore[no-any-return]
    except ImportError as error:
        raise RuntimeUnavailableError(
            f"the runtime {name} needs the package {error.name}, which is not installed; "
            f"run: pip install {error.name}"
        ) from error
