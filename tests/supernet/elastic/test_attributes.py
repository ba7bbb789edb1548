"""Whatever way a network refers to its own layers, a subnet computes with its own."""

import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize, prune

from supernet.elastic.attributes import referring
from supernet.elastic.supernet import Supernet
from supernet.space import SearchSpace

SPACE = SearchSpace(resolutions=(8,), divisor=2)


class Net(nn.Module):
    """Two convolutions; `bind(self)` decides how `forward` reaches them."""

    run: Callable[[Tensor], Tensor]
    layers: Any

    def __init__(self, bind: Callable[["Net"], None]) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 16, 1), nn.Conv2d(16, 4, 1)
        bind(self)

    def fast(self, x: Tensor) -> Tensor:
        return self.second(self.first(x).relu())  # type: ignore[no-any-return]

    def forward(self, x: Tensor) -> Tensor:
        return self.run(x)


class Helper:
    """An object that is no module, but refers to one."""

    def __init__(self, net: Net) -> None:
        self.of = {"net": net}

    def __call__(self, x: Tensor) -> Tensor:
        return self.of["net"].fast(x)


def bound(net: Net) -> None:
    net.run = net.fast


def bound_forward(net: Net) -> None:
    net.forward = net.fast  # type: ignore[method-assign]


def in_a_partial(net: Net) -> None:
    net.run = partial(Net.fast, net)


def in_a_closure(net: Net) -> None:
    net.run = lambda x: net.fast(x)


def by_default(net: Net) -> None:
    def run(x: Tensor, net: Net = net) -> Tensor:
        return net.fast(x)

    net.run = run


def in_containers(net: Net) -> None:
    net.layers = {"all": [(net.first, torch.relu), (net.second, torch.clone)]}

    def run(self: Net, x: Tensor) -> Tensor:
        for layer, function in self.layers["all"]:
            x = function(layer(x))
        return x

    net.run = run.__get__(net)


def by_a_weak_reference(net: Net) -> None:
    reference = weakref.ref(net)
    net.run = lambda x: reference().fast(x)  # type: ignore[union-attr]


def in_an_object(net: Net) -> None:
    net.run = Helper(net)


def by_tensors(net: Net) -> None:
    tensors: Any = [net.first.weight, net.first.bias, net.second.weight, net.second.bias]
    net.run = lambda x: torch.conv2d(torch.conv2d(x, *tensors[:2]).relu(), *tensors[2:])


def by_a_hook(net: Net) -> None:
    net.run = lambda x: x.new_zeros(())
    net.register_forward_hook(lambda module, args, output: net.fast(args[0]) + output)


WAYS = (
    *(bound, bound_forward, in_a_partial, in_a_closure, by_default, in_containers),
    *(by_a_weak_reference, in_an_object, by_tensors, by_a_hook),
)


@pytest.mark.parametrize("bind", WAYS)
def test_a_subnet_computes_with_its_own_layers(bind: Callable[[Net], None]) -> None:
    torch.manual_seed(0)
    net = Net(bind)
    supernet = Supernet(net, torch.empty(1, 3, 8, 8), SPACE)
    assert [group.num_channels for group in supernet.channels.groups] == [16]
    images = torch.randn(2, 3, 8, 8)
    config = supernet.space.smallest
    extracted, subnet = supernet.extract(config), supernet.subnet(config)
    with torch.no_grad():
        hidden = torch.conv2d(images, net.first.weight[:4], net.first.bias[:4]).relu()  # type: ignore[index]
        expected = torch.conv2d(hidden, net.second.weight[:, :4], net.second.bias)
        for narrow in (extracted, subnet):
            torch.testing.assert_close(narrow(images), expected)
        torch.testing.assert_close(supernet(images, supernet.space.largest), net(images))
        for parameter in net.parameters():
            parameter.fill_(float("nan"))
        torch.testing.assert_close(extracted(images), expected)
        assert subnet(images).isnan().all()


def test_gradients_reach_the_supernet_through_a_bound_method() -> None:
    net = Net(bound)
    supernet = Supernet(net, torch.empty(1, 3, 8, 8), SPACE)
    supernet(torch.randn(2, 3, 8, 8), supernet.space.smallest).sum().backward()
    gradient = net.first.weight.grad
    assert gradient is not None
    assert gradient[:4].any()
    assert not gradient[4:].any()


def test_hooks_of_an_extracted_network_are_its_own() -> None:
    net = Net(bound)
    supernet = Supernet(net, torch.empty(1, 3, 8, 8), SPACE)
    extracted = supernet.extract(supernet.space.smallest)
    prune.random_unstructured(extracted.get_submodule("first"), "weight", 0.5)
    extracted.register_forward_hook(lambda *_: None)
    assert not net.first._forward_pre_hooks
    assert not net._forward_hooks
    net(torch.randn(2, 3, 8, 8))


def test_what_can_change_is_copied_on_extraction() -> None:
    net = Net(bound)
    net.settings = {"scales": [1, 2]}  # type: ignore[assignment]
    net.table = torch.ones(3)
    extracted: Any = Supernet(net, torch.empty(1, 3, 8, 8), SPACE).extract(SPACE.smallest)
    extracted.settings["scales"].append(3)
    extracted.table.zero_()
    assert net.settings == {"scales": [1, 2]}
    assert torch.equal(net.table, torch.ones(3))


def test_removing_a_parametrization_from_an_extracted_network_leaves_the_supernets() -> None:
    net = Net(bound)
    parametrize.register_parametrization(net.first, "weight", nn.Identity())
    supernet = Supernet(net, torch.empty(1, 3, 8, 8), SPACE)
    images = torch.randn(2, 3, 8, 8)
    expected, extracted = net(images), supernet.extract(supernet.space.largest)
    parametrize.remove_parametrizations(extracted.get_submodule("first"), "weight")
    torch.testing.assert_close(net(images), expected)
    torch.testing.assert_close(extracted(images), expected)


def test_an_ordinary_network_has_no_attribute_that_refers_to_its_layers() -> None:
    assert not referring(nn.Sequential(nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8), nn.ReLU()))
