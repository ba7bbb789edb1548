"""The interface of a runtime; `nas.runtimes.registry` has those that there are."""

from collections.abc import Collection, Mapping
from typing import Protocol

import torch
from torch import nn

from nas.errors import RuntimeUnavailableError


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


def require_one_of(runtime: str, what: str, possible: Collection[str], given: str) -> None:
    """Raise RuntimeUnavailableError unless a setting is one that this machine supports."""
    if given not in possible:
        elsewhere = "; use --runtime onnxruntime or openvino with --device cpu"
        raise RuntimeUnavailableError(
            f"the {what} of {runtime} must be {' or '.join(possible)} on this machine, "
            f"but got {given}{elsewhere if given == 'int8' else ''}"
        )
