from pathlib import Path
from typing import Any

import pytest
import torch

from supernet.errors import CheckpointError
from supernet.models import build_model
from supernet.models.cached_weights import weights_file
from supernet.models.pretrained import load_weights


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Torch hub's folder of files."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


def test_a_file_is_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert weights_file("a/b.pth#ema", "resnet18") == Path("a/b.pth#ema")
    monkeypatch.chdir(tmp_path)
    Path("imagenet").write_bytes(b"")
    assert weights_file("imagenet", "resnet18") == Path("imagenet")


@pytest.mark.parametrize("name", ["mobilenet_v2-b0353104.pth", "mobilenet_v2-7ebf99e0.pth"])
def test_torchvisions_download_is_found_and_loads(cache: Path, name: str) -> None:
    torch.save(build_model("mobilenet_v2", 1000).state_dict(), cache / name)
    found = weights_file("imagenet", "mobilenet_v2")
    assert found == cache / name
    fresh = load_weights(build_model("mobilenet_v2", 3), found)
    assert fresh == ["classifier.1.weight", "classifier.1.bias"]


def test_the_best_of_several_is_taken(cache: Path) -> None:
    for name in ("resnet50-0676ba61.pth", "resnet50-11ad3fa6.pth"):
        (cache / name).write_bytes(b"")
    assert weights_file("imagenet", "resnet50").name == "resnet50-11ad3fa6.pth"


def test_what_is_not_there_is_one_line_with_the_place_and_a_command(cache: Path) -> None:
    with pytest.raises(CheckpointError) as refusal:
        weights_file("imagenet", "resnet18")
    assert str(refusal.value) == (
        "--weights imagenet must find the weights of resnet18 on this disk, but "
        f'{cache}/resnet18-f37072fd.pth is not there: python -c "import torchvision; '
        "torchvision.models.get_model('resnet18', weights='DEFAULT')\" downloads it, or pass "
        "--weights FILE"
    )
    with pytest.raises(CheckpointError, match="but nobody publishes weights of 'mobilenet_v1'"):
        weights_file("imagenet", "mobilenet_v1")


def test_timms_downloads_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = pytest.importorskip("huggingface_hub", reason="timm is not installed")
    pytest.importorskip("timm", reason="timm is not installed")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    look = hub.try_to_load_from_cache

    def look_there(repository: str, name: str) -> Any:
        return look(repository, name, cache_dir=tmp_path)

    monkeypatch.setattr(hub, "try_to_load_from_cache", look_there)
    folder = tmp_path / "models--timm--resnet18.a1_in1k"
    with pytest.raises(CheckpointError) as refusal:
        weights_file("imagenet", "timm:resnet18")
    assert f"but {folder} is not there: " in str(refusal.value)
    assert "timm.create_model('resnet18', pretrained=True)" in str(refusal.value)
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("0123")
    (folder / "snapshots" / "0123").mkdir(parents=True)
    (folder / "snapshots" / "0123" / "model.safetensors").write_bytes(b"")
    found = weights_file("imagenet", "timm:resnet18")
    assert found == folder / "snapshots" / "0123" / "model.safetensors"
