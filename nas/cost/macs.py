"""MACs and parameters of a plain network.

A multiply-add counts as one, for one image: half of what `torch.utils.flop_counter` counts. It
sees operations, not layers, so functional ones and attention are counted too.

Limits:
- Counted are convolutions (a transposed one at each input), matrix products and attention. All
  else counts as nothing, as in the papers: normalisation, activations, pooling, interpolation,
  additions, elementwise products, biases, look-ups in tables of embeddings.
- Attention counts as if nothing were masked, a sparse product as if it were dense.
- The network runs on shapes alone, in evaluation mode, so branches that depend on an image's
  values are not followed.
- What multiplies and adds and has no formula (bilinear layers, deformable convolutions, Fourier
  transforms, operations of other packages) is an error, never a silent zero: see
  `nas.cost.uncounted`.
"""

import copy
from collections import Counter, defaultdict
from collections.abc import Callable
from math import prod
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from nas.cost.uncounted import UncountedOperations
from nas.errors import ResolutionError, UncountedLayerError
from supernet.elastic.channels import floating_dtype

Shape = tuple[int, ...]


def _vector_flops(a: Shape, b: Shape, *, out_shape: object) -> int:
    """A matrix, or a vector, times a vector."""
    return 2 * prod(a)


def _added_vector_flops(added: Shape, a: Shape, b: Shape, *, out_shape: object, **_: Any) -> int:
    return 2 * prod(a)


def _added_batch_flops(added: Shape, a: Shape, b: Shape, *, out_shape: object, **_: Any) -> int:
    return 2 * prod(a) * b[-1]


aten = torch.ops.aten
PRODUCTS = {
    aten.mv: _vector_flops,
    aten.dot: _vector_flops,
    aten.vdot: _vector_flops,
    aten.addmv: _added_vector_flops,
    aten.addbmm: _added_batch_flops,
}
"""Matrix products that PyTorch has no formula for."""


def count_macs(network: nn.Module, resolution: int, *, in_channels: int = 3) -> int:
    """Multiply-adds of `network` for one image of `in_channels` x `resolution` x `resolution`.

    Counted on a copy without data, so `network` is not changed and nothing is computed.

    Raises:
        UncountedLayerError: an operation multiplies and adds, but has no formula.
        ResolutionError: the network cannot take images of this size.
    """
    return sum(count_layer_macs(network, resolution, in_channels=in_channels).values())


def count_layer_macs(
    network: nn.Module, resolution: int, *, in_channels: int = 3
) -> dict[str, int]:
    """The same by layer, in the order in which they run; raises like `count_macs`.

    A layer is the innermost module in whose `forward` an operation runs, under its name in
    `network.named_modules()`: "" is the network itself. A layer that runs twice counts twice.
    """
    by_operation = count_operation_macs(network, resolution, in_channels=in_channels)
    return {layer: sum(macs.values()) for layer, macs in by_operation.items()}


def count_operation_macs(
    network: nn.Module, resolution: int, *, in_channels: int = 3
) -> dict[str, dict[str, int]]:
    """The same by layer and operation (`convolution`, `addmm`, `bmm` ...) of PyTorch's `aten`."""
    bare = without_data(network).eval()
    dtype = floating_dtype(bare)
    image = torch.empty(1, in_channels, resolution, resolution, device="meta", dtype=dtype)
    counter = FlopCounterMode(display=False, custom_mapping=PRODUCTS)
    layers = _Layers(bare, counter)
    uncounted = UncountedOperations(bare, counter.flop_registry, lambda: layers.running[-1])
    try:
        # What is entered last sees an operation first: the counter takes it apart, and `uncounted`
        # sees what it then runs.
        with torch.no_grad(), uncounted, counter:
            bare(image)
    except Exception as error:  # of a user's network: anything
        raise _explained(error, f"{in_channels}x{resolution}x{resolution}") from error
    uncounted.require_none(network)
    return layers.macs()


def _explained(error: Exception, images: str) -> ResolutionError | UncountedLayerError:
    reason = (str(error).strip() or type(error).__name__).partition("\n")[0]
    if isinstance(error, NotImplementedError) or "meta tensor" in reason.lower():
        return UncountedLayerError(
            f"the network must run on shapes alone to be counted, but got: {reason}; "
            "leave out what depends on an image's values"
        )
    return ResolutionError(
        f"the network must take {images} images, but got: {reason}; choose another resolution"
    )


class _Layers:
    """Which layer of a network runs, and what `counter` has counted in each."""

    def __init__(self, network: nn.Module, counter: FlopCounterMode) -> None:
        self.running = [""]
        self._counter = counter
        self._flops: defaultdict[str, Counter[Any]] = defaultdict(Counter)
        self._seen: Counter[Any] = Counter()
        # PyTorch's own tracker names a module by the parent that was seen last, and counts what a
        # module computes itself only in sums with its children.
        for name, module in network.named_modules():
            module.register_forward_pre_hook(self._enter(name), prepend=True)
            module.register_forward_hook(self._leave, always_call=True)

    def macs(self) -> dict[str, dict[str, int]]:
        """By layer and operation; layers without any are left out."""
        self._note()
        return {
            layer: {op.__name__: flops // 2 for op, flops in counted.items()}
            for layer, counted in self._flops.items()
        }

    def _enter(self, name: str) -> Callable[..., None]:
        def hook(*_: object) -> None:
            self._note()
            self.running.append(name)

        return hook

    def _leave(self, *_: object) -> None:
        self._note()
        self.running.pop()

    def _note(self) -> None:
        """What was counted since the last call belongs to the layer that runs."""
        counted = Counter(self._counter.get_flop_counts().get("Global", {}))
        if news := counted - self._seen:
            self._flops[self.running[-1]].update(news)
            self._seen = counted


def count_params(network: nn.Module) -> int:
    """Numbers that training fits: all parameters, each once; BN statistics are not among them."""
    return sum(parameter.numel() for parameter in network.parameters())


def without_data(network: nn.Module) -> nn.Module:
    """Copy of `network` whose tensors have shapes but no data."""
    tensors = [*network.parameters(), *network.buffers()]
    memo: dict[int, object] = {id(tensor): _shape_only(tensor) for tensor in tensors}
    return copy.deepcopy(network, memo)


def _shape_only(tensor: torch.Tensor) -> torch.Tensor:
    empty = torch.empty_like(tensor, device="meta", requires_grad=False)
    return nn.Parameter(empty, requires_grad=False) if isinstance(tensor, nn.Parameter) else empty
