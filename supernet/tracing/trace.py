"""Trace: runs a network and labels the channels of every tensor on the way.

`TorchDispatchMode` intercepts each operation below the Python level, so control flow, in-place
operations and functions called from anywhere are no special case.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from supernet.tracing.call import LAYOUT, Call, operation_name
from supernet.tracing.heads import Heads
from supernet.tracing.labelling import Axes, Labelling
from supernet.tracing.mixing import mixed_by
from supernet.tracing.one_device import run_on_one_device
from supernet.tracing.outputs import Output, Place, find_tensors
from supernet.tracing.paths import Paths, Site
from supernet.tracing.rules import rule_for

aten = torch.ops.aten
READING = "aten._local_scalar_dense"
"""The operation by which Python reads a tensor's value."""
COUNTER = "num_batches_tracked"
"""The buffer in which torch's layers count the batches that they have seen in training."""
IN_PLACE_MOVES = {
    aten.squeeze_: aten.squeeze,
    aten.unsqueeze_: aten.unsqueeze,
    aten.transpose_: aten.transpose,
    aten.t_: aten.t,
}
"""Operations that change a tensor's shape in place, and those that return it in the new shape."""


@dataclass(frozen=True, kw_only=True)
class TracedOperation:
    """One operation of a forward pass."""

    name: str
    """Without the overload, such as `aten.view`."""
    site: Site
    """Where it ran."""
    activations: tuple[Axes, ...]
    """Labels of its input tensors that depend on the image."""
    weights: tuple[Axes, ...]
    """Labels of its other input tensors."""
    alike: tuple[Tensor, ...]
    """Labels that it made for entries that are all alike."""
    is_constant: bool
    """Whether its result does not depend on the image."""
    outputs: tuple[tuple[torch.Size, Axes], ...]
    """Shape and labels of its output tensors."""


class Trace(TorchDispatchMode):
    """Forward passes of one network, operation by operation, with the labels of all tensors.

    Args:
        model: the network whose parameters and buffers get labels.
        divisor: see `Labelling`.
        heads: see `Heads`.
    """

    def __init__(self, model: nn.Module, divisor: int, heads: Heads | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.labelling = Labelling(model, divisor, heads)
        self.passes: list[list[TracedOperation]] = []
        self.outputs: list[dict[Place, Output]] = []
        """For each pass, the tensors that the network returned."""
        self.reading: str | None = None
        """The parameter or buffer whose value Python is reading now."""
        self.counters: list[tuple[str, str]] = []
        """Counters of batches that another module than theirs uses, and that module."""
        self._paths = Paths()
        self._makers: dict[int, Site] = {}
        self._alive: list[Tensor] = []  # an id names a tensor only as long as it lives

    def run(
        self,
        network: nn.Module,
        inputs: tuple[Tensor, ...],
        paths: Paths,
        *,
        keep_outputs: bool = True,
    ) -> None:
        """Trace one more forward pass; `paths` follows the modules."""
        self.passes.append([])
        self.labelling.begin_pass()
        self._paths = paths
        with torch.no_grad(), self:
            output = network(*inputs)
        tensors = find_tensors(output)
        self.labelling.note_use(tensors.values())
        found = {
            place: Output(
                shape=tensor.shape,
                axes=self.labelling.axes_of(tensor),
                maker=self._makers.get(id(tensor)),
            )
            for place, tensor in tensors.items()
        }
        self.outputs.append(found)
        self._makers.clear()
        self._alive.clear()
        self.labelling.end_pass()
        if keep_outputs:
            self.keep(found.values())

    def keep(self, outputs: Iterable[Output]) -> None:
        """Keep all channels of these outputs."""
        for axis in (axis for output in outputs for axis in output.axes if axis is not None):
            self.labelling.labels.keep(axis)

    def _run(self, func: Any, args: Any, kwargs: dict[str, Any]) -> Call:
        """Run `func`; one that changes its argument's shape counts as the one that returns a view.

        The argument is then a view of the tensor as it was before.
        """
        moved = IN_PLACE_MOVES.get(func.overloadpacket)
        if moved is None:
            return Call(func, args, kwargs, run_on_one_device(func, args, kwargs))
        before = args[0].detach()
        self.labelling.set_axes(before, self.labelling.axes_of(args[0]))
        result = run_on_one_device(func, args, kwargs)
        return Call(moved, (before, *args[1:]), kwargs, result)

    def _note_counters(self, call: Call, path: str) -> None:
        names = [self.labelling.name_of(tensor) or "" for tensor in call.inputs]
        for owner, _, name in (each.rpartition(".") for each in names[call.is_in_place :]):
            if name == COUNTER and owner != path:
                self.counters.append((f"{owner}.{name}".lstrip("."), path))

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run `func`, then label what it returned."""
        operation = operation_name(func)
        site = self._paths.next_site(operation)
        inputs = [x for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor)]
        self.labelling.begin_operation(operation, site.path, inputs)
        self.reading = self.labelling.weight_of(inputs[0]) if operation == READING else None
        call = self._run(func, args, kwargs or {})
        self._note_counters(call, site.path)
        taken = [(self.labelling.weight_of(t), self.labelling.axes_of(t)) for t in call.inputs]
        is_constant = self.labelling.is_constant(call)
        self.labelling.mixed.extend(mixed_by(self.labelling, call))
        rule_for(call.func)(self.labelling, call)
        self.labelling.follow_constants(call)
        self.labelling.follow_weights(call)
        self._makers.update(dict.fromkeys(map(id, call.outputs), site))
        self._alive.extend(call.outputs)
        outputs = tuple((tensor.shape, self.labelling.axes_of(tensor)) for tensor in call.outputs)
        if operation not in LAYOUT:
            self.passes[-1].append(
                TracedOperation(
                    name=operation,
                    site=site,
                    activations=tuple(axes for weight, axes in taken if weight is None),
                    weights=tuple(axes for weight, axes in taken if weight is not None),
                    alike=tuple(self.labelling.alike),
                    is_constant=is_constant,
                    outputs=outputs,
                )
            )
        return call.result
