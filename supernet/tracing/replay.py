"""Replay: runs a narrow network and compares what happens with what its labels foretell."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from supernet.tracing.call import LAYOUT, Call
from supernet.tracing.chance import same_chance
from supernet.tracing.trace import Axes, Step, run_on_one_device

OTHER_COURSE = "narrower, it runs other operations (a size is fixed in the code?)"


@dataclass(frozen=True)
class Failure:
    """The first step at which a narrow network did not do what the labels say."""

    step: int
    """Number of the operation in the pass; everything before it went as foretold."""
    why: str
    """One line."""


def find_failure(
    network: nn.Module, images: Tensor, steps: Sequence[Step], size_of: Callable[[Tensor], int]
) -> Failure | None:
    """Run `network` on `images`; None if each of `steps` gave tensors of the foretold shapes.

    `size_of(labels)` is how many entries of a dimension with these labels are left.
    """
    watch = _Watch(steps, size_of)
    try:
        with torch.no_grad(), same_chance(), watch:
            network(images)
    except _DiffersError as error:
        return Failure(watch.num_done, str(error))
    except Exception as error:
        # A user's network may raise anything; what it raised is the reason that is reported.
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        return Failure(min(watch.num_done, len(steps) - 1), f"narrower, it raises: {reason}")
    if watch.num_done < len(steps):
        return Failure(watch.num_done, OTHER_COURSE)
    return None


class _DiffersError(Exception):
    """An operation gave another shape than was foretold."""


class _Watch(TorchDispatchMode):
    def __init__(self, steps: Sequence[Step], size_of: Callable[[Tensor], int]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.steps, self.size_of = steps, size_of
        self.num_done = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = run_on_one_device(func, args, kwargs or {})
        call = Call(func, args, kwargs or {}, result)
        if self.num_done < len(self.steps) and call.operation not in LAYOUT:
            self.compare(self.steps[self.num_done], call)
            self.num_done += 1
        return result

    def compare(self, step: Step, call: Call) -> None:
        if call.operation != step.operation or len(call.outputs) != len(step.outputs):
            raise _DiffersError(OTHER_COURSE)
        if not step.inputs:
            return  # a tensor made from nothing; it fits if what it is joined with does
        for output, (shape, axes) in zip(call.outputs, step.outputs, strict=True):
            expected = self.shape(shape, axes)
            if tuple(output.shape) != expected:
                raise _DiffersError(
                    f"a size is fixed in the code: {tuple(output.shape)}, not {expected}"
                )

    def shape(self, shape: torch.Size, axes: Axes) -> tuple[int, ...]:
        sizes = zip(shape, axes, strict=True)
        return tuple(size if axis is None else self.size_of(axis) for size, axis in sizes)
