import torch
from torch import nn

from supernet.importance import sort_by_importance
from supernet.models import mobilenet_v2
from supernet.space import SearchSpace
from supernet.supernet import Supernet

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


def test_one_layers_channels_are_in_the_order_of_their_norms() -> None:
    first = nn.Conv2d(3, 32, 1)
    model = nn.Sequential(first, nn.ReLU(), nn.Conv2d(32, 8, 1))
    supernet = Supernet(model, torch.empty(1, 3, 8, 8), SearchSpace(resolutions=(8,)))
    sort_by_importance(supernet)
    norms = first.weight.detach().abs().sum((1, 2, 3))
    assert torch.equal(norms, norms.sort(descending=True).values)
