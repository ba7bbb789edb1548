import pytest
import torch
from torch import Tensor, nn

from supernet.elastic.importance import sort_by_importance
from supernet.elastic.supernet import Supernet
from supernet.models import mobilenet_v2
from supernet.space import SearchSpace

SPACE = SearchSpace(resolutions=(32,))


def test_the_full_network_computes_the_same_and_the_first_channels_weigh_most() -> None:
    torch.manual_seed(0)
    model = mobilenet_v2(10, small_input=True).double().eval()
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            assert layer.running_mean is not None
            layer.running_mean.normal_()
    images = torch.randn(2, 3, 32, 32, dtype=torch.float64)
    expected = model(images)
    before = model.get_parameter("features.0.0.weight").detach().clone()
    supernet = Supernet(model, torch.empty(1, 3, 32, 32), SPACE)
    sort_by_importance(supernet)
    after = model.get_parameter("features.0.0.weight").detach()
    assert not torch.equal(before, after)
    torch.testing.assert_close(model(images), expected, rtol=1e-10, atol=1e-12)


class Numbers(nn.Module):
    """A sum, a depthwise layer and a concatenation, in whole numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 16, 1), nn.Conv2d(16, 16, 3, padding=1, groups=16)
        self.c, self.d = nn.Conv2d(3, 8, 1), nn.Conv2d(24, 16, 1)
        self.head = nn.Linear(64, 5)
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for parameter in self.parameters():
                numbers = torch.randint(-3, 4, parameter.shape, generator=generator)
                parameter.copy_(numbers)

    def forward(self, x: Tensor) -> Tensor:
        a = self.a(x)
        joined = torch.cat([a + self.b(a).relu(), self.c(x)], 1)
        out: Tensor = self.head(self.d(joined).relu().flatten(1))
        return out


def test_the_order_of_channels_changes_not_a_bit_where_sums_are_exact() -> None:
    model = Numbers().double()
    images = torch.arange(24, dtype=torch.float64).view(2, 3, 2, 2) - 12
    expected = model(images)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    space = SearchSpace(resolutions=(2,), divisor=2)
    sort_by_importance(Supernet(model, torch.empty(1, 3, 2, 2), space))
    changed = [name for name, p in model.named_parameters() if not torch.equal(p, before[name])]
    assert {"a.weight", "b.weight", "c.weight", "d.weight", "head.weight"} <= set(changed)
    assert torch.equal(model(images), expected)


def test_one_layers_channels_are_in_the_order_of_their_norms() -> None:
    first = nn.Conv2d(3, 32, 1)
    model = nn.Sequential(first, nn.ReLU(), nn.Conv2d(32, 8, 1))
    supernet = Supernet(model, torch.empty(1, 3, 8, 8), SearchSpace(resolutions=(8,)))
    sort_by_importance(supernet)
    norms = first.weight.detach().abs().sum((1, 2, 3))
    assert torch.equal(norms, norms.sort(descending=True).values)


class Sliding(nn.Module):
    """A kernel slides along the channels: over pooled ones (ECA), or over all (DiceNet)."""

    def __init__(self, pooled: bool) -> None:
        super().__init__()
        self.stem, self.next = nn.Conv2d(3, 16, 1), nn.Conv2d(16, 32, 1)
        self.slide = nn.Conv1d(1, 1, 3, padding=1, bias=False)
        self.pooled, self.head = pooled, nn.Conv2d(32, 8, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        if self.pooled:
            gate = self.slide(x.mean((2, 3))[:, None]).sigmoid()
            x = x * gate.transpose(1, 2)[..., None]
        else:
            n, c, h, w = x.shape
            y = x.permute(0, 2, 3, 1).reshape(-1, 1, c)
            x = x + self.slide(y).reshape(n, h, w, c).permute(0, 3, 1, 2)
        return self.head(self.next(x).relu())  # type: ignore[no-any-return]


@pytest.mark.parametrize("pooled", [True, False])
def test_channels_that_a_kernel_slides_along_keep_their_order(pooled: bool) -> None:
    torch.manual_seed(0)
    model = Sliding(pooled).double()
    images = torch.randn(2, 3, 8, 8, dtype=torch.float64)
    expected = model(images)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    supernet = Supernet(model, torch.empty(1, 3, 8, 8), SearchSpace(resolutions=(8,)))
    sort_by_importance(supernet)
    torch.testing.assert_close(model(images), expected, rtol=1e-10, atol=1e-12)
    assert torch.equal(model.stem.weight, before["stem.weight"])
    assert not torch.equal(model.next.weight, before["next.weight"])


class Ranked(nn.Module):
    """Multiplies channels by numbers that depend on their place, known to nobody but the code."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 16, 1), nn.Conv2d(16, 32, 1)
        self.head = nn.Conv2d(32, 8, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        kernel = torch.linspace(0, 1, x.shape[1], dtype=x.dtype, device=x.device)
        x = nn.functional.conv2d(x, kernel.view(-1, 1, 1, 1), groups=x.shape[1])
        return self.head(self.second(x).relu())  # type: ignore[no-any-return]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_group_whose_order_turns_out_to_matter_is_left_and_the_others_are_sorted(
    dtype: torch.dtype,
) -> None:
    torch.manual_seed(0)
    model = Ranked().to(dtype)
    images = torch.randn(2, 3, 8, 8, dtype=dtype)
    expected = model(images)
    supernet = Supernet(model, torch.empty(1, 3, 8, 8), SearchSpace(resolutions=(8,)))
    assert [group.num_channels for group in supernet.channels.groups] == [16, 32]
    first, second = model.first.weight.detach().clone(), model.second.weight.detach().clone()
    sort_by_importance(supernet)
    torch.testing.assert_close(model(images), expected, rtol=1e-4, atol=1e-6)
    assert torch.equal(model.first.weight, first)
    assert not torch.equal(model.second.weight, second)
