"""Outputs and gradients, and in what two networks differ."""

import pytest
import torch
from torch import Tensor, nn

from supernet.proof.learning import Learned, difference, learn

X = torch.randn(2, 3, dtype=torch.float64)


def test_a_network_learns_as_itself() -> None:
    network = nn.Sequential(nn.Linear(3, 2), nn.Dropout()).double()
    named = dict(network.named_parameters())
    one, other = (learn(network, (X,), named) for _ in range(2))
    assert one.outputs[0].shape == (2, 2)
    assert set(one.gradients) == {"0.weight", "0.bias"}
    assert difference(one, other, torch.float64) is None
    assert all(p.grad is None for p in network.parameters())


def learned(output: float = 1.0, gradient: Tensor | None = X, size: int = 2) -> Learned:
    outputs = [torch.full((size,), output, dtype=torch.float64)]
    return Learned(outputs=outputs, gradients={"weight": gradient, "bias": 1e-15 * X})


@pytest.mark.parametrize(
    ("one", "found"),
    [
        (learned(), None),
        (learned(1 + 1e-9), None),
        (learned(float("inf")), "outputs that differ by inf of the largest"),
        (learned(float("nan")), "outputs that differ by nan of the largest"),
        (learned(1.1), "outputs that differ by 0.1 of the largest"),
        (learned(size=3), "outputs of other shapes"),
        (learned(gradient=None), "a gradient of weight that differs by 1 of the largest"),
        (learned(gradient=1.001 * X), "a gradient of weight that differs by 0.001 of the largest"),
    ],
)
def test_a_difference_is_told(one: Learned, found: str | None) -> None:
    assert difference(one, learned(), torch.float64) == found


def test_equal_infinities_do_not_differ() -> None:
    infinite = learned(float("inf"))
    assert difference(infinite, infinite, torch.float64) is None


def test_in_float32_gradients_are_not_compared() -> None:
    assert difference(learned(gradient=2 * X), learned(), torch.float32) is None
