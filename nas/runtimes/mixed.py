"""MixedRuntime: a runtime in several number types, of which each network is compiled in one."""

from collections.abc import Mapping, Sequence

import torch
from torch import nn

from nas.errors import NasError
from nas.runtimes.runtime import CompiledNetwork, Runtime

SEPARATOR = "+"


class MixedRuntime:
    """The same runtime on the same device, once for each number type.

    Args:
        runtimes: two or more that differ in their dtype only; `compile` uses the first.
    """

    def __init__(self, runtimes: Sequence[Runtime]) -> None:
        self.by_dtype = {each.dtype: each for each in runtimes}
        first, *_ = runtimes
        self.name, self.version, self.device = first.name, first.version, first.device
        self.num_threads = first.num_threads
        self.dtype = SEPARATOR.join(self.by_dtype)
        self.details: Mapping[str, str] = {
            name: value for each in runtimes for name, value in each.details.items()
        }

    def compile(
        self, network: nn.Module, images: torch.Tensor, calibration: torch.Tensor | None = None
    ) -> CompiledNetwork:
        """Compile `network` in the first number type: see `Runtime.compile`."""
        first, *_ = self.by_dtype.values()
        return first.compile(network, images, calibration)


def dtypes_of(runtime: Runtime) -> tuple[str | None, ...]:
    """The number types that a config may name; (None,) where there is only one."""
    return (*runtime.by_dtype,) if isinstance(runtime, MixedRuntime) else (None,)


def in_dtype(runtime: Runtime, dtype: str | None) -> Runtime:
    """The runtime in one of its number types; None: in its only one, or the first.

    Raises NasError if it computes in others only.
    """
    by_dtype = runtime.by_dtype if isinstance(runtime, MixedRuntime) else {runtime.dtype: runtime}
    if dtype is None:
        return next(iter(by_dtype.values()))
    if dtype not in by_dtype:
        raise NasError(
            f"the runtime must compute in {dtype}, but got one that computes in "
            f"{' and '.join(by_dtype)}; load it with dtype={SEPARATOR.join([*by_dtype, dtype])!r}"
        )
    return by_dtype[dtype]
