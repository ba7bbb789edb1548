"""Replay: runs a narrow network and compares it with what the labels predict."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from supernet.seeding import seeded
from supernet.tracing.call import LAYOUT, Call
from supernet.tracing.labelling import Axes
from supernet.tracing.one_device import run_on_one_device
from supernet.tracing.trace import TracedOperation

OTHER_OPERATIONS = "narrower, it runs other operations (a size is fixed in the code?)"


@dataclass(frozen=True)
class Failure:
    """The first operation at which a narrow network differed from what the labels predict."""

    index: int
    """Index of the operation in the pass; all operations before it ran as predicted."""
    why: str
    """One line."""


def find_failure(
    network: nn.Module,
    inputs: tuple[Tensor, ...],
    operations: Sequence[TracedOperation],
    size_of: Callable[[Tensor], int],
) -> Failure | None:
    """Run `network` on `inputs`; None if all `operations` return tensors of the predicted shapes.

    `size_of(labels)` is how many entries of a dimension with these labels are left.
    """
    comparison = _Comparison(operations, size_of)
    try:
        with torch.no_grad(), seeded(0), comparison:
            network(*inputs)
    except _DiffersError as error:
        return Failure(comparison.num_done, str(error))
    except Exception as error:
        # A user's network may raise anything; the report quotes what it raised.
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        index = min(comparison.num_done, len(operations) - 1)
        return Failure(index, f"narrower, it raises: {reason}")
    if comparison.num_done < len(operations):
        return Failure(comparison.num_done, OTHER_OPERATIONS)
    return None


class _DiffersError(Exception):
    """An operation differs from the traced one, or returned another shape than predicted."""


class _Comparison(TorchDispatchMode):
    def __init__(
        self, operations: Sequence[TracedOperation], size_of: Callable[[Tensor], int]
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operations, self.size_of = operations, size_of
        self.num_done = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = run_on_one_device(func, args, kwargs or {})
        call = Call(func, args, kwargs or {}, result)
        if self.num_done < len(self.operations) and call.operation not in LAYOUT:
            self.compare(self.operations[self.num_done], call)
            self.num_done += 1
        return result

    def compare(self, traced: TracedOperation, call: Call) -> None:
        if call.operation != traced.name or len(call.outputs) != len(traced.outputs):
            raise _DiffersError(OTHER_OPERATIONS)
        for output, (shape, axes) in zip(call.outputs, traced.outputs, strict=True):
            predicted = self.shape(shape, axes)
            if traced.is_constant and output.dim() == len(shape):
                # As torch.zeros: where it has no channels, it fits if what it is joined with fits.
                labelled = zip(predicted, output.shape, axes, strict=True)
                predicted = tuple(p if axis is not None else own for p, own, axis in labelled)
            if tuple(output.shape) != predicted:
                raise _DiffersError(
                    f"a size is fixed in the code: {tuple(output.shape)}, not {predicted}"
                )

    def shape(self, shape: torch.Size, axes: Axes) -> tuple[int, ...]:
        sizes = zip(shape, axes, strict=True)
        return tuple(size if axis is None else self.size_of(axis) for size, axis in sizes)
