from typing import Any

import pytest
import torch
from torch import Tensor, ops

from supernet.tracing.shapes import quick_result

IMAGES = torch.empty(2, 6, 5, 4, device="meta")
FOUR = [torch.empty(6, device="meta")] * 4


def layout(result: Any) -> list[Any]:
    results = (result,) if isinstance(result, Tensor) else result
    return [(each.shape, each.stride(), each.dtype, each.device) for each in results]


@pytest.mark.parametrize(
    "x",
    [
        IMAGES,
        IMAGES.to(memory_format=torch.channels_last),
        IMAGES[:, ::2],
        IMAGES.permute(2, 1, 0, 3),
        IMAGES.double(),
        IMAGES[:, :, 0, 0],
        IMAGES[..., 0],
    ],
)
@pytest.mark.parametrize(
    ("operation", "more", "kwargs"),
    [
        (ops.aten.relu.default, (), {}),
        (ops.aten.relu_.default, (), {}),
        (ops.aten.hardtanh_.default, (0.0, 6.0), {}),
        (ops.aten.silu_.default, (), {}),
        (ops.aten.hardswish.default, (), {}),
        (ops.aten.leaky_relu.default, (0.1,), {}),
        (ops.aten.gelu.default, (), {"approximate": "tanh"}),
        (ops.aten.native_batch_norm.default, (*FOUR, True, 0.1, 1e-5), {}),
        (ops.aten.native_batch_norm.default, (None, None, *FOUR[:2], False, 0.1, 1e-5), {}),
    ],
)
def test_results_are_those_of_pytorch(
    operation: Any, more: tuple[Any, ...], kwargs: dict[str, Any], x: Tensor
) -> None:
    if operation is ops.aten.native_batch_norm.default:
        more = tuple(
            each[: x.shape[1]].to(x.dtype) if isinstance(each, Tensor) else each for each in more
        )
    result = quick_result(operation, (x, *more), kwargs)
    assert layout(result) == layout(operation(x, *more, **kwargs))
    assert (result is x) == operation._schema.is_mutable


@pytest.mark.parametrize(
    ("operation", "args"),
    [
        (ops.aten.relu.default, (torch.empty(2, 3),)),  # not on meta
        (ops.aten.sigmoid.default, (IMAGES.int(),)),  # becomes float
        (ops.aten.gt.Scalar, (IMAGES, 0)),
        (ops.aten.native_batch_norm.default, (IMAGES[:, :5], *FOUR, True, 0.1, 1e-5)),  # refused
    ],
)
def test_other_operations_are_left_to_pytorch(operation: Any, args: tuple[Any, ...]) -> None:
    assert quick_result(operation, args, {}) is None
