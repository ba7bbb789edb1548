from collections.abc import Callable

import pytest
import torch
import torchvision
from torch import Tensor, nn

from nas.cost.macs import count_layer_macs, count_macs, count_operations
from nas.cost.second_opinion import count_twice


class Computes(nn.Module):
    def __init__(self, compute: Callable[[Tensor, Tensor], Tensor], *shape: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(shape))
        self.compute = compute

    def forward(self, x: Tensor) -> Tensor:
        return self.compute(x, self.weight)


def deformed(x: Tensor, w: Tensor) -> Tensor:
    return torchvision.ops.deform_conv2d(x, torch.zeros(1, 18, 6, 6, device=x.device), w)  # type: ignore[no-any-return]


def masked(x: Tensor, w: Tensor) -> Tensor:
    return torchvision.ops.roi_align(x, x[0, 0, :2, :5], 2)  # type: ignore[no-any-return]


def distances(x: Tensor, w: Tensor) -> Tensor:
    return torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist")


def test_an_operation_of_another_package_counts_as_nothing_and_is_named() -> None:
    network = nn.Sequential(nn.Identity(), Computes(masked, 3))
    assert count_macs(network, 8) == 0
    assert count_operations(network, 8).uncounted == {"1": "torchvision.roi_align"}
    assert count_twice(network, 8).warning == (
        "the MACs leave out torchvision.roi_align in 1, which has no formula: "
        "register one with torch.utils.flop_counter.register_flop_formula"
    )
    assert count_operations(nn.Conv2d(3, 4, 1), 8).uncounted == {}


@pytest.mark.parametrize(
    ("compute", "shape", "macs"),
    [
        (lambda x, w: nn.functional.bilinear(x, x, w), (5, 8, 8), 3 * 8 * 5 * 8 * 8),
        (lambda x, w: torch.conv_tbc(x[0], w, w[0, 0], pad=1), (3, 8, 5), 3 * 8 * 5 * 3 * 8),
        (distances, (1,), 3 * 8 * 8 * 8),
        (lambda x, w: torch.fft.rfft2(x), (1,), 1.25 * 3 * 64 * 6),
        (lambda x, w: torch.fft.irfft2(torch.fft.rfft2(x)), (1,), 2 * 1.25 * 3 * 64 * 6),
        (lambda x, w: torch.fft.fft(torch.complex(x, x)), (1,), 2.5 * 3 * 64 * 3),
    ],
)
def test_other_products_have_formulas(
    compute: Callable[[Tensor, Tensor], Tensor], shape: tuple[int, ...], macs: float
) -> None:
    network = nn.Sequential(nn.Identity(), Computes(compute, *shape))
    assert count_layer_macs(network, 8) == {"1": macs}
    assert count_operations(network, 8).uncounted == {}


def test_an_operation_of_another_package_counts_with_a_registered_formula(
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


@pytest.mark.parametrize(
    ("compute", "shape", "macs"),
    [
        (deformed, (4, 3, 3, 3), 36 * 4 * 27),
        (lambda x, w: (x[..., None, :] * w).sum(-1), (5, 8), 3 * 8 * 5 * 8),
        (lambda x, w: (x[..., None, :] * w.abs().t()).sum(-1), (8, 5), 3 * 8 * 5 * 8),
        (lambda x, w: (x.mean((0, 2, 3))[:, None, None] * w).sum(0), (3, 4, 9), 3 * 4 * 9),
    ],
)
def test_a_product_of_a_weight_matrix_is_counted_where_it_is_written_elementwise(
    compute: Callable[[Tensor, Tensor], Tensor], shape: tuple[int, ...], macs: int
) -> None:
    network = nn.Sequential(nn.Identity(), Computes(compute, *shape))
    assert count_layer_macs(network, 8) == {"1": macs}


class Dynamic(nn.Module):
    """A convolution whose kernel mixes experts' kernels, image by image (CondConv)."""

    def __init__(self) -> None:
        super().__init__()
        self.route, self.experts = nn.Linear(3, 4), nn.Parameter(torch.randn(4, 8, 3, 3, 3))

    def forward(self, x: Tensor) -> Tensor:
        weights = self.route(x.mean((2, 3))).softmax(1)
        kernels = (weights[:, :, None, None, None, None] * self.experts).sum(1)
        images = x.reshape(1, -1, *x.shape[2:])
        return nn.functional.conv2d(images, kernels.flatten(0, 1), padding=1, groups=len(x))


def test_a_dynamic_convolution_counts_its_kernel_and_itself() -> None:
    assert count_macs(Dynamic(), 8) == 3 * 4 + 4 * 8 * 27 + 8 * 27 * 64
