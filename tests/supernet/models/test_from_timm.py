from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from supernet.errors import ModelError
from supernet.models.from_timm import LOADING
from supernet.models.pretrained import load_weights
from supernet.models.registry import build_model

REASON = "timm is not installed: uv pip install timm"


def test_a_missing_timm_is_one_line_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "timm", None)
    with pytest.raises(ModelError) as caught:
        build_model("timm:resnet18", 10)
    assert str(caught.value) == (
        "timm:resnet18 needs timm, which is not installed: pip install 'mutualnas[timm]'"
    )


def test_a_name_of_timm_builds_its_network() -> None:
    pytest.importorskip("timm", reason=REASON)
    model = build_model("timm:test_resnet.r160_in1k", 7, {"drop_path_rate": 0.1}, seed=0)
    assert type(model).__module__ == "timm.models.resnet"
    again = build_model("timm:test_resnet", 7, seed=0).state_dict()
    assert all(torch.equal(tensor, again[name]) for name, tensor in model.state_dict().items())
    assert model(torch.randn(2, 3, 32, 32)).shape == (2, 7)


@pytest.mark.parametrize(
    "name", ["timm:resnet18x", "timm:hf-hub:timm/resnet18.a1_in1k", "timm:timm/resnet18", "timm:"]
)
def test_other_names_are_refused(name: str) -> None:
    pytest.importorskip("timm", reason=REASON)
    with pytest.raises(ModelError, match=r"must be one of timm.list_models\(\)") as caught:
        build_model(name, 10)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("option", LOADING)
def test_nothing_is_downloaded_or_unpickled(option: str) -> None:
    pytest.importorskip("timm", reason=REASON)
    with pytest.raises(ModelError, match=rf"takes no {option}, .* as --weights FILE"):
        build_model("timm:test_resnet", 10, {option: True})
    with pytest.raises(ModelError, match=r"resnet18 takes no weights, .* as --weights FILE"):
        build_model("resnet18", 10, {"weights": "DEFAULT"})


@pytest.mark.parametrize("name", ["test_resnet", "test_convnext", "test_vit", "test_byobnet"])
def test_weights_of_a_network_of_timm_are_loaded(name: str, tmp_path: Path) -> None:
    pytest.importorskip("timm", reason=REASON)

    def build(num_classes: int, seed: int = 1) -> nn.Module:
        return build_model(f"timm:{name}", num_classes, seed=seed)

    published = build(1000, seed=0).state_dict()
    save_file(published, tmp_path / "model.safetensors")
    torch.save({"state_dict": published}, tmp_path / "model.pth")
    for file in tmp_path.iterdir():
        model = build(7)
        fresh = load_weights(model, file, build=build)
        assert fresh
        assert all(".head" in f".{each}" or "fc." in each for each in fresh)
        loaded = model.state_dict()
        kept = [each for each in published if each not in fresh]
        assert all(torch.equal(loaded[each], published[each]) for each in kept)
