"""Networks of signals (batch, channels, length) and of volumes (..., depth, height, width)."""

import random

import pytest
import torch
from torch import Tensor, nn

from supernet.elastic.supernet import Supernet
from supernet.errors import SpaceError
from supernet.evaluate.calibration import calibrate_bn
from supernet.proof.proving import prove
from supernet.space import SearchSpace, SubnetConfig

SPACE = SearchSpace(resolutions=(32, 24), divisor=2)


def signals() -> nn.Sequential:
    return nn.Sequential(
        *(nn.Conv1d(2, 16, 5, stride=2, padding=2), nn.BatchNorm1d(16), nn.ReLU()),
        *(nn.Conv1d(16, 32, 5, stride=2, padding=2), nn.BatchNorm1d(32), nn.ReLU()),
        *(nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(32, 4)),
    )


def volumes() -> nn.Sequential:
    return nn.Sequential(
        *(nn.Conv3d(1, 16, 3, stride=(1, 2, 2), padding=1), nn.BatchNorm3d(16), nn.ReLU()),
        *(nn.Conv3d(16, 32, 3, stride=(1, 2, 2), padding=1), nn.GroupNorm(4, 32), nn.ReLU()),
        *(nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(32, 4)),
    )


def inputs(network: nn.Sequential, side: int, batch: int = 4) -> Tensor:
    if isinstance(network[0], nn.Conv1d):
        return torch.randn(batch, 2, side)
    return torch.randn(batch, 1, 5, side, side)


@pytest.mark.parametrize("network", [signals(), volumes()])
def test_they_are_elastic_resizable_calibrated_extracted_and_proven(network: nn.Sequential) -> None:
    torch.manual_seed(0)
    supernet = Supernet(network, inputs(network, 32), SPACE)
    assert supernet.width_of == (0, 1)  # stages, by halved sides
    assert not supernet.channels.kept
    for side in SPACE.resolutions:
        widths = supernet.space.random_widths(random.Random(side))
        config, x = SubnetConfig(width_mults=widths, resolution=side), inputs(network, side)
        torch.testing.assert_close(supernet.train()(x, config), supernet.extract(config)(x))
        extracted = supernet.eval().extract(config)
        calibrate_bn(extracted, [x])
        assert extracted(x).isfinite().all()
    with pytest.raises(SpaceError, match="images must be 24 px a side"):
        supernet(inputs(network, 32), config)
    proof = prove(supernet.eval())
    assert (proof.dtype, proof.num_configs, proof.why_not) == ("float64", 3, "")
