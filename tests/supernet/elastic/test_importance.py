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
