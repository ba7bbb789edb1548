"""Networks that take more than one batch of images."""

import random
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
from torchvision.models.segmentation import lraspp_mobilenet_v3_large

from supernet.elastic.importance import sort_by_importance
from supernet.elastic.inputs import as_tuple, require_inputs, without_data
from supernet.elastic.supernet import Supernet
from supernet.errors import ModelError, SpaceError
from supernet.space import SearchSpace, SubnetConfig

SPACE = SearchSpace(resolutions=(8, 6), divisor=2, groups="layer")


class Conditional(nn.Module):
    """Images, a second image of each, numbers and an index of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.other = nn.Conv2d(3, 16, 3), nn.Conv2d(1, 16, 3)
        self.numbers, self.index = nn.Linear(5, 16), nn.Embedding(7, 16)
        self.head = nn.Linear(16, 2)

    def forward(self, x: Tensor, depth: Tensor, numbers: Tensor, index: Tensor) -> Tensor:
        y = (self.one(x) + self.other(depth)).relu().mean((2, 3))
        out: Tensor = self.head(y * self.numbers(numbers) + self.index(index))
        return out


def inputs(side: int, batch: int = 2) -> tuple[Tensor, ...]:
    images, depth = torch.randn(batch, 3, side, side), torch.randn(batch, 1, side, side)
    return images, depth, torch.randn(batch, 5), torch.arange(batch)


def test_several_inputs_are_traced_run_and_extracted() -> None:
    torch.manual_seed(0)
    supernet = Supernet(Conditional(), inputs(8), SPACE).eval()
    supernet.train()
    for side in (8, 6):
        widths = supernet.space.random_widths(random.Random(side))
        config = SubnetConfig(width_mults=widths, resolution=side)
        given = inputs(side)
        extracted = supernet.extract(config)
        torch.testing.assert_close(supernet(given, config), extracted(*given))
    with pytest.raises(SpaceError, match="images must be 6 px"):
        supernet(inputs(8), config)
    given = inputs(8)
    before = supernet.model(*given)
    sort_by_importance(supernet)
    torch.testing.assert_close(supernet.model(*given), before)


def test_of_several_inputs_those_with_the_images_size_are_images() -> None:
    shapes = [each.shape[1:] for each in without_data(inputs(8), torch.float64, 6)]
    assert shapes == [(3, 6, 6), (1, 6, 6), (5,), ()]
    dtypes = [each.dtype for each in without_data(inputs(8), torch.float64)]
    assert dtypes == [*[torch.float64] * 3, torch.int64]
    assert as_tuple(torch.zeros(1)) == (torch.zeros(1),)


@pytest.mark.parametrize(
    ("number", "takes"), [(1, "one input, a batch of images"), (5, "5 inputs")]
)
def test_another_number_of_inputs_is_refused_by_name(number: int, takes: str) -> None:
    example: Any = (*inputs(8), torch.zeros(1))[:number]
    with pytest.raises(ModelError) as caught:
        Supernet(Conditional(), example, SPACE)
    assert str(caught.value).startswith(
        f"the network must take {takes}, but Conditional.forward takes (x, depth, numbers, index)"
    )
    assert "\n" not in str(caught.value)


def test_defaults_and_any_number_of_inputs_are_allowed() -> None:
    class WithDefault(nn.Module):
        def forward(self, x: Tensor, mask: Tensor | None = None, *rest: Tensor) -> Tensor:
            return x

    require_inputs(WithDefault(), 1)
    require_inputs(WithDefault(), 4)
    require_inputs(nn.Sequential(), 1)


def test_a_network_that_returns_a_map_by_name_is_converted_and_extracted() -> None:
    torch.manual_seed(0)
    model = lraspp_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=3)
    space = SearchSpace(resolutions=(64,))
    supernet = Supernet(model, torch.empty(1, 3, 64, 64), space).eval()
    images = torch.randn(1, 3, 64, 64)
    output = supernet(images, space.smallest)  # the only output, so alone
    assert output.shape == (1, 3, 64, 64)
    extracted = supernet.extract(space.smallest)
    torch.testing.assert_close(output, extracted(images))
    few, many = (sum(p.numel() for p in net.parameters()) for net in (extracted, model))
    assert few < many / 4


def test_a_backbone_of_several_maps_is_converted_and_extracted() -> None:
    torch.manual_seed(0)
    model = resnet_fpn_backbone(backbone_name="resnet18", weights=None)
    space = SearchSpace(resolutions=(64,))
    supernet = Supernet(model, torch.empty(1, 3, 64, 64), space).eval()
    images = torch.randn(1, 3, 64, 64)
    output: Any = supernet(images, space.smallest)
    theirs = supernet.extract(space.smallest)(images)
    assert list(output) == ["0", "1", "2", "3", "pool"]
    for name, each in output.items():
        assert each.shape[1] == 256  # what a head takes stays
        torch.testing.assert_close(each, theirs[name])
