"""MACs and parameters of a plain network.

MACs are for one image; one multiply-add is two FLOPs of `torch.utils.flop_counter`. That counter
records operations, not layers, so functional calls and attention are included.

Limits:
- Convolutions (transposed ones at each input pixel), matrix products and attention are counted. As
  in the literature, everything else is zero: normalisation, activations, pooling, interpolation,
  additions, elementwise products, biases, embedding lookups.
- Attention is counted without its mask, a sparse product as if it were dense.
- The network runs on the meta device in evaluation mode, so it must not branch on the values of its
  input.
- A deformable convolution counts as an ordinary one, without the interpolation of its input.
- An elementwise product of a weight matrix with activations that yields more values than there are
  activations (experts that are mixed) counts one multiply-add for each.
- A Fourier transform of n values counts 2.5 n log2 n multiply-adds (5 n log2 n FLOPs, as FFTW's
  benchmarks count them), of real values half as many.
- Another operation that multiplies and adds but has no formula (above all of another package)
  counts as zero, and `count_operations` names it: a search warns of it. See `nas.cost.uncounted`.
"""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from math import log2, prod
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from nas.cost.uncounted import UncountedOperations
from nas.errors import NeedsValuesError, ResolutionError
from supernet.elastic.channels import floating_dtype
from supernet.elastic.narrow import narrow

Shape = tuple[int, ...]


def _vector_flops(a: Shape, b: Shape, *, out_shape: object) -> int:
    """FLOPs of a matrix-vector or vector-vector product."""
    return 2 * prod(a)


def _added_vector_flops(added: Shape, a: Shape, b: Shape, *, out_shape: object, **_: Any) -> int:
    return 2 * prod(a)


def _added_batch_flops(added: Shape, a: Shape, b: Shape, *, out_shape: object, **_: Any) -> int:
    return 2 * prod(a) * b[-1]


def _deformable_flops(x: Shape, weight: Shape, *_: object, out_shape: Shape, **__: Any) -> int:
    return 2 * prod(out_shape) * prod(weight[1:])


def _fourier_flops(x: Shape, dims: list[int], *_: object, out_shape: Shape, **__: object) -> int:
    """Of complex values; the longer of its two sides has all of them."""
    whole = max(x, out_shape, key=prod)
    return round(5 * prod(whole) * log2(max(1, prod(whole[dim] for dim in dims))))


def _real_fourier_flops(x: Shape, dims: list[int], *_: object, out_shape: Shape, **__: Any) -> int:
    return _fourier_flops(x, dims, out_shape=out_shape) // 2


def _distance_flops(a: Shape, b: Shape, *_: object, out_shape: Shape, **__: object) -> int:
    return 2 * prod(out_shape) * a[-1]


def _time_first_flops(x: Shape, weight: Shape, *_: object, out_shape: Shape, **__: object) -> int:
    return 2 * prod(out_shape) * prod(weight[:2])


def _trilinear_flops(*args: Any, out_shape: object, **_: object) -> int:
    """Products of three tensors, each with new dimensions at the given places, before the sum."""
    shapes = [list(shape) for shape in args[:3]]
    for shape, dims in zip(shapes, args[3:6], strict=True):
        for dim in sorted(dims):
            shape.insert(dim, 1)
    sizes: list[int] = [max(each) for each in zip(*shapes, strict=True)]
    return 2 * prod(sizes)


aten = torch.ops.aten
PRODUCTS: dict[Any, Callable[..., int]] = {
    aten.mv: _vector_flops,
    aten.dot: _vector_flops,
    aten.vdot: _vector_flops,
    aten.addmv: _added_vector_flops,
    aten.addbmm: _added_batch_flops,
    aten._fft_c2c: _fourier_flops,
    aten._fft_r2c: _real_fourier_flops,
    aten._fft_c2r: _real_fourier_flops,
    aten._cdist_forward: _distance_flops,
    aten._euclidean_dist: _distance_flops,
    aten.conv_tbc: _time_first_flops,
    aten._trilinear: _trilinear_flops,
}
"""FLOP formulas that PyTorch's counter lacks."""


def _products() -> dict[Any, Callable[..., int]]:
    """PRODUCTS, and the operation that torchvision registers, whoever has imported it."""
    registered = getattr(torch.ops.torchvision, "deform_conv2d", None)
    return PRODUCTS if registered is None else {**PRODUCTS, registered: _deformable_flops}


def count_macs(network: nn.Module, resolution: int, *, in_channels: int = 3) -> int:
    """Multiply-adds of `network` for one image of `in_channels` x `resolution` x `resolution`.

    Counts on a copy on the meta device, so `network` is not changed and nothing is computed.

    Raises:
        NeedsValuesError: the network reads the values of its input.
        ResolutionError: the network does not accept images of this size.
    """
    return sum(count_layer_macs(network, resolution, in_channels=in_channels).values())


def count_layer_macs(
    network: nn.Module, resolution: int, *, in_channels: int = 3
) -> dict[str, int]:
    """Multiply-adds by layer, in execution order; raises like `count_macs`.

    An operation counts for the innermost module whose `forward` calls it. Keys are names from
    `network.named_modules()`; "" is the network itself. A layer that runs twice counts twice.
    """
    by_operation = count_operation_macs(network, resolution, in_channels=in_channels)
    return {layer: sum(macs.values()) for layer, macs in by_operation.items()}


def count_operation_macs(
    network: nn.Module, resolution: int, *, in_channels: int = 3
) -> dict[str, dict[str, int]]:
    """Multiply-adds by layer and aten operation (`convolution`, `addmm`, `bmm` ...).

    Raises like `count_macs`.
    """
    return count_operations(network, resolution, in_channels=in_channels).macs


@dataclass(frozen=True, kw_only=True)
class Operations:
    """The operations of a network that multiply and add."""

    macs: dict[str, dict[str, int]]
    """Multiply-adds by layer and aten operation."""
    uncounted: dict[str, str]
    """Layers with an operation that has no formula, and the first one's name."""


def count_operations(network: nn.Module, resolution: int, *, in_channels: int = 3) -> Operations:
    """What `count_operation_macs` returns, and what it leaves out; raises like `count_macs`."""
    bare = without_data(network).eval()
    dtype = floating_dtype(bare)
    image = torch.empty(1, in_channels, resolution, resolution, device="meta", dtype=dtype)
    counter = FlopCounterMode(display=False, custom_mapping=_products())
    layers = _Layers(bare, counter)
    uncounted = UncountedOperations(bare, counter.flop_registry, lambda: layers.running[-1])
    try:
        # The mode entered last handles an operation first: the counter decomposes it, and
        # `uncounted` receives the resulting operations.
        with torch.no_grad(), uncounted, counter:
            bare(image)
    except Exception as error:  # of a user's network: anything
        raise _explained(error, f"{in_channels}x{resolution}x{resolution}") from error
    macs = layers.macs()
    for layer, terms in uncounted.terms.items():
        macs.setdefault(layer, {})["mul"] = terms
    return Operations(macs=macs, uncounted=uncounted.found)


def _explained(error: Exception, images: str) -> ResolutionError | NeedsValuesError:
    reason = (str(error).strip() or type(error).__name__).partition("\n")[0]
    if isinstance(error, NotImplementedError) or "meta tensor" in reason.lower():
        return NeedsValuesError(
            f"the network must run on meta tensors to be counted, but got: {reason}; "
            "remove code that depends on the values of its input"
        )
    return ResolutionError(
        f"the network must accept {images} images, but got: {reason}; choose another resolution"
    )


class _Layers:
    """Tracks which layer of a network is running, and attributes `counter`'s FLOPs to it."""

    def __init__(self, network: nn.Module, counter: FlopCounterMode) -> None:
        self.running = [""]
        self._counter = counter
        self._flops: defaultdict[str, Counter[Any]] = defaultdict(Counter)
        self._attributed: Counter[Any] = Counter()
        # PyTorch's own module tracker names a shared module after its last parent, and reports a
        # module's own operations only in totals that include its children.
        for name, module in network.named_modules():
            module.register_forward_pre_hook(self._enter(name), prepend=True)
            module.register_forward_hook(self._leave, always_call=True)

    def macs(self) -> dict[str, dict[str, int]]:
        """MACs by layer and operation; layers without MACs are omitted."""
        self._attribute()
        return {
            layer: {op.__name__: flops // 2 for op, flops in counted.items()}
            for layer, counted in self._flops.items()
        }

    def _enter(self, name: str) -> Callable[..., None]:
        def hook(*_: object) -> None:
            self._attribute()
            self.running.append(name)

        return hook

    def _leave(self, *_: object) -> None:
        self._attribute()
        self.running.pop()

    def _attribute(self) -> None:
        """Attribute the FLOPs counted since the last call to the running layer."""
        counted = Counter(self._counter.get_flop_counts().get("Global", {}))
        if added := counted - self._attributed:
            self._flops[self.running[-1]].update(added)
            self._attributed = counted


def count_params(network: nn.Module) -> int:
    """Number of trainable values. Shared parameters count once, BN statistics are excluded."""
    return sum(parameter.numel() for parameter in network.parameters())


def without_data(network: nn.Module) -> nn.Module:
    """Copy of `network` on the meta device: its tensors have shapes but no data."""
    tensors = {**dict(network.named_parameters()), **dict(network.named_buffers())}
    shapes = {name: _shape_only(tensor) for name, tensor in tensors.items()}
    return narrow(network, shapes, independent=True)


def _shape_only(tensor: torch.Tensor) -> torch.Tensor:
    empty = torch.empty_like(tensor, device="meta", requires_grad=False)
    return nn.Parameter(empty, requires_grad=False) if isinstance(tensor, nn.Parameter) else empty
