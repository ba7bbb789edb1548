import pytest
import torch
from torch import Tensor, nn

from nas.runtimes.onnxruntime import OnnxRuntime
from supernet.elastic.supernet import Supernet
from supernet.errors import ModelError
from supernet.evaluate.calibration import calibrate_bn
from supernet.models.registry import OWN, build_model
from supernet.models.unsynchronised import BatchNorm
from supernet.space import SearchSpace


def plain(num_classes: int) -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(3, 16, 3), nn.BatchNorm2d(16), nn.ReLU(), nn.AdaptiveAvgPool2d(1)),
        *(nn.Flatten(), nn.Linear(16, 16), nn.BatchNorm1d(16), nn.Linear(16, num_classes)),
    )


def synchronised(num_classes: int) -> nn.Module:
    model: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(plain(num_classes))
    return model


def test_layers_that_average_over_processes_become_ordinary(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(OWN, "plain", plain)
    monkeypatch.setitem(OWN, "synchronised", synchronised)
    expected, model = build_model("plain", 4, seed=0), build_model("synchronised", 4, seed=0)
    assert not any(isinstance(layer, nn.SyncBatchNorm) for layer in model.modules())
    assert sum(isinstance(layer, BatchNorm) for layer in model.modules()) == 2
    images = torch.randn(8, 3, 12, 12)
    assert torch.equal(model(images), expected(images))
    assert torch.equal(model.eval()(images), expected.eval()(images))
    supernet = Supernet(model, torch.empty(1, 3, 12, 12), SearchSpace(resolutions=(12,))).eval()
    network = supernet.extract(supernet.space.smallest)
    calibrate_bn(network, [images])
    runs = OnnxRuntime("cpu", 1).compile(network, images[:2])
    torch.testing.assert_close(runs.logits(images[:2]), network(images[:2]), rtol=1e-4, atol=1e-5)


class WithActivation(nn.SyncBatchNorm):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).relu()


def test_a_class_derived_from_it_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OWN, "derived", lambda num_classes: nn.Sequential(WithActivation(3)))
    with pytest.raises(ModelError, match=r"but 0 is a WithActivation, .* sync_bn=true") as caught:
        build_model("derived", 4)
    assert "\n" not in str(caught.value)
