"""BN statistics against the moments of what the layers take."""

import pytest
import torch
from torch import Tensor, nn

from supernet.proof.calibrated import only_bn_in_training, wrong_statistics


def network() -> nn.Module:
    torch.manual_seed(0)
    norms = nn.BatchNorm2d(4), nn.BatchNorm2d(4)
    return nn.Sequential(nn.Conv2d(3, 4, 3), norms[0], nn.Dropout(), norms[1]).double()


def test_calibrated_statistics_are_right() -> None:
    images = torch.randn(4, 3, 6, 6, dtype=torch.float64)
    assert wrong_statistics(network(), images, 1e-9) is None


@pytest.mark.parametrize(("name", "what"), [("running_mean", "mean"), ("running_var", "variance")])
def test_a_wrong_one_is_named(name: str, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from supernet.evaluate.calibration import calibrate_bn

    def calibrate(network: nn.Module, batches: list[Tensor]) -> None:
        calibrate_bn(network, batches)
        network.get_buffer(f"3.{name}")[1] += 0.01

    monkeypatch.setattr("supernet.proof.calibrated.calibrate_bn", calibrate)
    images = torch.randn(4, 3, 6, 6, dtype=torch.float64)
    assert wrong_statistics(network(), images, 1e-6) == f"the {what} of 3 is not that of its inputs"


def test_bn_alone_is_put_into_training_mode() -> None:
    modes = [module.training for module in only_bn_in_training(network()).children()]
    assert modes == [False, True, False, True]
