import numpy as np
import pytest
import torch
from torch import Tensor

from benchmarks.search import record_space
from benchmarks.search.record_space import distinct_configs, right_answers
from supernet import SearchSpace, SubnetConfig, Supernet
from supernet.evaluate.accuracy import Images
from supernet.evaluate.calibration import calibrate_bn
from supernet.models import WideResNet


class Noise(Images):
    """Two batches of random images in each split."""

    def __init__(self) -> None:
        self.batch_size = 20

    def batches(self, split: str, resolution: int):  # type: ignore[no-untyped-def]
        generator = torch.Generator().manual_seed(len(split))
        for _ in range(2):
            pixels = torch.randn(20, 3, resolution, resolution, generator=generator)
            yield pixels, torch.randint(0, 3, (20,), generator=generator)


@pytest.fixture
def supernet() -> Supernet:
    torch.manual_seed(0)
    model = WideResNet(3, depth=10, widen=1, stem_stride=2).eval()
    space = SearchSpace(resolutions=(16, 12), groups="stage")
    return Supernet(model, torch.empty(1, 3, 16, 16), space)


def plain(supernet: Supernet, config: SubnetConfig, images: Images) -> Tensor:
    network = supernet.extract(config).eval()
    calibrate_bn(network, (x for x, _ in images.batches("calibration", config.resolution)))
    batches = images.batches("selection", config.resolution)
    with torch.inference_mode():
        return torch.cat([network(x).argmax(dim=1) == y for x, y in batches])


def test_what_is_computed_once_for_many_is_what_each_alone_computes(
    supernet: Supernet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_space, "MAX_IMAGES", 30)  # of 40: one batch and a half
    configs = [c for c in distinct_configs(supernet) if c.resolution == 12]
    found = [*right_answers(supernet, configs, Noise())]
    assert [config for config, _, _ in found] == configs
    for config, _, right in found[::3]:
        np.testing.assert_array_equal(right, plain(supernet, config, Noise())[:30])


def test_each_config_is_recorded_once(supernet: Supernet) -> None:
    configs = distinct_configs(supernet)
    assert len({(supernet.kept_counts(c), c.resolution) for c in configs}) == len(configs)
    assert supernet.space.largest in configs
