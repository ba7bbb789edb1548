from collections.abc import Callable

import pytest
import torch
import torchvision
from torch import Tensor, nn

from nas.cost.macs import count_macs
from nas.errors import UncountedLayerError


class Computes(nn.Module):
    def __init__(self, compute: Callable[[Tensor, Tensor], Tensor], *shape: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(shape))
        self.compute = compute

    def forward(self, x: Tensor) -> Tensor:
        return self.compute(x, self.weight)


def deformed(x: Tensor, w: Tensor) -> Tensor:
    return torchvision.ops.deform_conv2d(x, torch.zeros(1, 18, 6, 6, device=x.device), w)  # type: ignore[no-any-return]


def distances(x: Tensor, w: Tensor) -> Tensor:
    return torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist")


@pytest.mark.parametrize(
    ("compute", "shape", "operation"),
    [
        (lambda x, w: nn.functional.bilinear(x, x, w), (5, 8, 8), "aten._trilinear"),
        (deformed, (4, 3, 3, 3), "torchvision.deform_conv2d"),
        (lambda x, w: torch.conv_tbc(x[0], w, w[0, 0]), (3, 8, 5), "aten.conv_tbc"),
        (lambda x, w: (x[..., None, :] * w).sum(-1), (5, 8), "aten.mul"),
        (lambda x, w: (x[..., None, :] * w.abs().t()).sum(-1), (8, 5), "aten.mul"),
        (distances, (1,), "aten._cdist_forward"),
        (lambda x, w: torch.fft.rfft2(x), (1,), "aten._fft_r2c"),
    ],
)
def test_a_product_that_is_not_counted_is_an_error_that_names_the_layer(
    compute: Callable[[Tensor, Tensor], Tensor], shape: tuple[int, ...], operation: str
) -> None:
    network = nn.Sequential(nn.Identity(), Computes(compute, *shape))
    with pytest.raises(UncountedLayerError) as error:
        count_macs(network, 8)
    assert str(error.value).startswith(
        f"every product must have a FLOP formula, but {operation} in '1' (Computes) has none; "
    )
    assert "\n" not in str(error.value)


def test_an_operation_of_another_package_counts_with_its_own_formula(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(
        torch.utils.flop_counter.flop_registry,
        torch.ops.torchvision.deform_conv2d,
        lambda *_, out_val, **__: 2 * 27 * out_val.numel(),
    )
    assert count_macs(Computes(deformed, 4, 3, 3, 3), 8) == 36 * 4 * 27


def test_products_of_weights_alone_are_no_activations() -> None:
    scaled = Computes(lambda x, w: x + (w * w.t()).sum() * w, 8, 8)
    assert count_macs(scaled, 8) == 0


def test_a_norm_is_no_product() -> None:
    assert count_macs(Computes(lambda x, w: nn.functional.normalize(x) * w, 1), 8) == 0
