"""Networks that return more than logits: the right ones are trained, or none."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision import models

from nas.runtimes.onnxruntime import OnnxRuntime
from supernet.elastic.supernet import Supernet
from supernet.errors import ModelError
from supernet.space import SearchSpace, widths_from

SPACE = SearchSpace(resolutions=(16,))


@dataclass
class Outputs:
    features: Tensor
    logits: Tensor


Returns = Callable[["Net", Tensor], Any]


class Net(nn.Module):
    """Two heads on one trunk; `returns(self, features)` decides what comes out."""

    def __init__(self, returns: Returns) -> None:
        super().__init__()
        self.returns = returns
        self.trunk = nn.Sequential(nn.Conv2d(3, 16, 3), nn.BatchNorm2d(16), nn.ReLU())
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.auxiliary, self.head = nn.Linear(16, 10), nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Any:
        return self.returns(self, self.pool(self.trunk(x)))


def after_features(net: Net, x: Tensor) -> Any:
    return x, net.head(x)


def after_nothing(net: Net, x: Tensor) -> Any:
    return None, net.head(x)


def in_a_dataclass(net: Net, x: Tensor) -> Any:
    return Outputs(x, net.head(x))


def by_name(net: Net, x: Tensor) -> Any:
    return {"features": [x], "logits": net.head(x)}


def after_an_auxiliary_head(net: Net, x: Tensor) -> Any:
    return (net.auxiliary(x), net.head(x)) if net.training else net.head(x)


def last_of_several_exits(net: Net, x: Tensor) -> Any:
    exits = [net.auxiliary(x), net.head(x)]
    return exits if net.training else exits[-1]


def with_dropout_in_training(net: Net, x: Tensor) -> Any:
    return nn.functional.dropout(net.head(x), 0.0, net.training)


RIGHT = (
    *(after_features, after_nothing, in_a_dataclass, by_name, after_an_auxiliary_head),
    *(last_of_several_exits, with_dropout_in_training),
)


@pytest.mark.parametrize("returns", RIGHT)
@pytest.mark.parametrize("training", [True, False])
def test_the_logits_are_found_in_both_modes(returns: Returns, training: bool) -> None:
    torch.manual_seed(0)
    net = Net(returns)
    supernet = Supernet(net, torch.empty(1, 3, 16, 16), SPACE, num_classes=10).train(training)
    config, images = supernet.space.largest, torch.randn(4, 3, 16, 16)
    expected = net.head(net.pool(net.trunk(images)))
    torch.testing.assert_close(supernet(images, config), expected)
    extracted = supernet.extract(config)
    if not training:
        torch.testing.assert_close(extracted(images), expected)
        torch.testing.assert_close(supernet.subnet(config)(images), expected)
    assert not net._forward_hooks


def test_an_extracted_network_can_be_deployed() -> None:
    supernet = Supernet(Net(in_a_dataclass), torch.empty(1, 3, 16, 16), SPACE, num_classes=10)
    network = supernet.eval().extract(supernet.space.smallest)
    images = torch.randn(2, 3, 16, 16)
    compiled = OnnxRuntime("cpu", 1).compile(network, images)
    torch.testing.assert_close(compiled.logits(images), network(images), rtol=1e-4, atol=1e-5)


def average(net: Net, x: Tensor) -> Any:
    heads = net.auxiliary(x), net.head(x)
    return heads if net.training else (heads[0] + heads[1]) / 2


WRONG: list[tuple[Returns, str]] = [
    (lambda net, x: x, r"must return logits \(batch, 10\) .* but returns \(batch, 16\): "),
    (lambda net, x: (net.head(x), net.head(x)), r"returns \(batch, 10\), \(batch, 10\): "),
    (lambda net, x: [], "but returns no tensor: "),
    (lambda net, x: net.head(x)[:, :, None], r"returns \(batch, 10, 1\): "),
    (average, r"returns \(batch, 10\), \(batch, 10\) in training mode must make one of these"),
]


@pytest.mark.parametrize(("returns", "match"), WRONG)
def test_what_cannot_be_told_apart_is_refused_in_one_line(returns: Returns, match: str) -> None:
    with pytest.raises(ModelError, match=match) as caught:
        Supernet(Net(returns), torch.empty(1, 3, 16, 16), SPACE, num_classes=10)
    assert "\n" not in str(caught.value)


def test_without_a_number_of_classes_other_outputs_are_left_alone() -> None:
    def maps(net: Net, x: Tensor) -> Any:
        return {"out": net.head(x), "features": x}

    supernet = Supernet(Net(maps), torch.empty(1, 3, 16, 16), SPACE)
    output: Any = supernet(torch.randn(2, 3, 16, 16), supernet.space.smallest)
    assert set(output) == {"out", "features"}
    assert output["features"].shape == (2, 16)


def test_features_that_are_returned_beside_the_logits_stay_elastic() -> None:
    net = Net(after_features)
    supernet = Supernet(net, torch.empty(1, 3, 16, 16), SPACE, num_classes=10)
    assert [group.num_channels for group in supernet.channels.groups] == [16]


def test_auxiliary_heads_of_torchvision() -> None:
    model = models.googlenet(num_classes=10, init_weights=False, aux_logits=True)
    space = SearchSpace(resolutions=(64,), widths=widths_from(0.5))
    supernet = Supernet(model, torch.empty(1, 3, 64, 64), space, num_classes=10).train()
    assert supernet.logits.training == (0,)
    assert supernet.logits.evaluation == ()
