import json
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from supernet.checkpoint import (
    is_finished,
    load_supernet,
    read_tensors,
    replacing,
    save_supernet,
    weights_sha256,
    write_tensors,
)
from supernet.elastic.supernet import Supernet
from supernet.errors import CheckpointError
from supernet.job.training_job import TrainingJob
from supernet.models import build_model
from supernet.space import SearchSpace, SubnetConfig

JOB = TrainingJob(
    model="wide_resnet",
    model_options={"depth": 10, "widen": 1},
    space=SearchSpace(resolutions=(16, 12)),
)
ABOUT = {"data": {"classes": ["bag", "shirt", "coat"]}, "versions": {"torch": "2"}}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    model = build_model(JOB.model, 3, JOB.model_options)
    save_supernet(tmp_path, Supernet(model, torch.empty(1, 3, 16, 16), JOB.space), JOB, ABOUT)
    return tmp_path


def test_the_digest_of_weights_in_memory_is_that_of_their_file(run: Path) -> None:
    supernet, document = load_supernet(run)
    assert weights_sha256(supernet) == document["weights_sha256"]
    with torch.no_grad():
        next(supernet.parameters()).add_(1.0)
    assert weights_sha256(supernet) != document["weights_sha256"]


def test_a_saved_supernet_comes_back(run: Path) -> None:
    supernet, document = load_supernet(run)
    torch.manual_seed(0)
    model = build_model(JOB.model, 3, JOB.model_options).eval()
    images = torch.randn(2, 3, 16, 16)
    config = SubnetConfig(width_mults=(1.0,), resolution=16)
    torch.testing.assert_close(supernet(images, config), model(images))
    assert not supernet.training
    assert supernet.space == replace(JOB.space, num_groups=3)  # its stages
    assert document["data"]["classes"] == ["bag", "shirt", "coat"]


def test_a_byte_order_mark_is_passed_over(run: Path) -> None:
    """As some editors on Windows write one."""
    path, (_, document) = run / "supernet" / "supernet.json", load_supernet(run)
    path.write_text(path.read_text(encoding="utf-8"), encoding="utf-8-sig")
    assert load_supernet(run)[1] == document


def test_only_two_files_are_left(run: Path) -> None:
    names = sorted(path.name for path in (run / "supernet").iterdir())
    assert names == ["supernet.json", "weights.safetensors"]
    assert is_finished(run)


def test_a_run_without_a_supernet_is_one_clear_line(tmp_path: Path) -> None:
    assert not is_finished(tmp_path)
    with pytest.raises(CheckpointError, match="must hold a trained supernet") as caught:
        load_supernet(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("keep", [0, 10, 1000, -1])
def test_truncated_weights_are_refused(run: Path, keep: int) -> None:
    path = run / "supernet" / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CheckpointError, match="must be a complete checkpoint"):
        load_supernet(run)


def test_other_weights_than_the_named_ones_are_refused(run: Path) -> None:
    path = run / "supernet" / "weights.safetensors"
    tensors, _ = read_tensors(path)
    write_tensors(path, {name: tensor + 1 for name, tensor in tensors.items()}, {})
    with pytest.raises(CheckpointError, match="must have the SHA-256 that"):
        load_supernet(run)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"job": 1}', '{"job": {"epochs": 1}}'])
def test_a_damaged_description_is_refused(run: Path, text: str) -> None:
    (run / "supernet" / "supernet.json").write_text(text)
    with pytest.raises(CheckpointError, match="is damaged") as caught:
        load_supernet(run)
    assert "\n" not in str(caught.value)


def test_other_groups_than_those_it_was_trained_with_are_refused(run: Path) -> None:
    path = run / "supernet" / "supernet.json"
    document = json.loads(path.read_text())
    path.write_text(json.dumps(document | {"groups_sha256": "0" * 64}))
    with pytest.raises(CheckpointError, match="the channel groups that tracing finds"):
        load_supernet(run)


def test_weights_of_another_model_are_refused(run: Path) -> None:
    path = run / "supernet" / "supernet.json"
    document = json.loads(path.read_text())
    document["job"]["model_options"] = {"depth": 16, "widen": 1}
    path.write_text(json.dumps(document))
    with pytest.raises(CheckpointError, match="must fit the model"):
        load_supernet(run)


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def write_half() -> None:
        with replacing(path) as temporary:
            temporary.write_text("half of the n")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_content_is_on_the_disk_before_the_rename(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, synced = tmp_path / "file", []
    path.write_text("old")

    def fsync(descriptor: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        content = b"the folder" if is_folder else os.pread(descriptor, 100, 0)
        synced.append((content, path.read_text()))

    monkeypatch.setattr(os, "fsync", fsync)
    with replacing(path) as temporary:
        temporary.write_text("new")
    assert synced == [(b"new", "old"), (b"the folder", "new")]
    assert path.read_text() == "new"


def test_a_folder_that_cannot_be_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="must be writable"):
        write_tensors(tmp_path / "file" / "below", {"x": torch.ones(1)}, {})


@pytest.mark.parametrize("hard_links", [True, False])
@pytest.mark.parametrize("num_renames", [0, 1])
def test_wherever_writing_is_killed_one_file_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, num_renames: int, hard_links: bool
) -> None:
    newest, before = tmp_path / "newest", tmp_path / "before"
    renames_left = 100

    class Killed(BaseException):
        pass

    def rename(path: Path, target: Path) -> None:
        nonlocal renames_left
        if renames_left == 0:
            raise Killed
        renames_left -= 1
        os.replace(path, target)

    def no_hard_links(path: Path, target: Path) -> None:
        raise PermissionError(f"{path} and {target} cannot share a file here")

    def write(text: str) -> None:
        with replacing(newest, keep_as=before) as temporary:
            temporary.write_text(text)

    monkeypatch.setattr(Path, "replace", rename)
    if not hard_links:
        monkeypatch.setattr(Path, "hardlink_to", no_hard_links)
    write("first")
    write("second")
    renames_left = num_renames
    with pytest.raises(Killed):
        write("third")
    there = newest if hard_links or num_renames == 0 else before
    assert there.read_text() == "second"
    renames_left = 100
    write("fourth")
    assert newest.read_text() == "fourth"
    assert before.read_text() == "second"
    assert {path.name for path in tmp_path.iterdir()} == {"newest", "before"}
