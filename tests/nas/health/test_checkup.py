import json

import pytest
import torch
from torchvision.datasets import FakeData

from nas.health.checkup import _falls, _sufficient, examine
from nas.health.heat_map import heat_map
from supernet import SearchSpace, Supernet, data_from
from supernet.models import WideResNet


def test_a_fall_is_found_and_weighed() -> None:
    small = torch.ones(1000, dtype=torch.bool)
    worse, slightly = small.clone(), small.clone()
    worse[:20] = False
    slightly[:2] = False
    (fall,) = _falls([small, worse], ["w0.5-r8", "w1-r8"])
    assert fall == {
        "smaller": "w0.5-r8", "larger": "w1-r8", "top1_lost": 0.02, "significant": True
    }  # fmt: skip
    assert [f["significant"] for f in _falls([small, slightly], ["a", "b"])] == [False]
    assert not list(_falls([slightly, small], ["a", "b"]))


def test_the_fewest_images_that_suffice() -> None:
    flat = {50: 0.9, 100: 0.9, 200: 0.9}
    assert _sufficient({"a": {50: 0.5, 100: 0.899, 200: 0.9}, "b": flat}) == 100
    assert _sufficient({"a": {50: 0.9, 100: 0.8, 200: 0.9}}) == 200


@pytest.mark.parametrize(
    ("num_calibration", "sizes"), [(9, [9]), (21, [21]), (50, [50]), (120, [50, 100, 120])]
)
def test_few_calibration_images_are_examined_to_the_last(
    num_calibration: int, sizes: list[int]
) -> None:
    images = FakeData(num_calibration, (3, 12, 12), num_classes=2)
    held_out = FakeData(20, (3, 12, 12), num_classes=2, random_offset=1000)
    data = data_from(images, selection=held_out, report=held_out, resolution=12)
    assert data.num_images["calibration"] == num_calibration
    network = WideResNet(2, depth=10, widen=1)
    supernet = Supernet(network, torch.empty(1, 3, 12, 12), SearchSpace(resolutions=(12, 8)))
    report = examine(supernet, data, device=torch.device("cpu"), num_widths=2)
    assert [list(by_size) for by_size in report["calibration"].values()] == [sizes] * 4
    assert report["calibration_images_that_suffice"] in sizes
    assert report["calibration"]["w1-r12"][sizes[-1]] == report["grid"][1][1]  # all images there
    heat_map(json.loads(json.dumps(report)))
