"""`train` from Python; what the command does with it is in test___main__.py."""

import itertools
import os
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from supernet.checkpoint import load_supernet, read_document
from supernet.data import load_data
from supernet.errors import CheckpointError, DataError, ModelError
from supernet.job.execution import Execution
from supernet.job.hyperparameters import Hyperparameters
from supernet.job.recipe import RECIPES
from supernet.job.training_job import TrainingJob
from supernet.space import SearchSpace
from supernet.train import train
from supernet.train.loop import Loop
from supernet.train.owner import owner

TINY = TrainingJob(
    model_options={"depth": 10, "widen": 1, "stem_stride": 2},
    space=SearchSpace(resolutions=(12, 8)),
    hyperparameters=Hyperparameters(batch_size=1000),
    epochs=1,
)


def test_a_finished_training_is_refused_or_with_resume_left_as_it_is(tmp_path: Path) -> None:
    train(TINY, tmp_path)
    _, document = load_supernet(tmp_path)
    with pytest.raises(CheckpointError, match="holds a trained supernet"):
        train(TINY, tmp_path)
    train(TINY, tmp_path, resume=True)
    assert load_supernet(tmp_path)[1] == document


@pytest.mark.parametrize("coin", ["torch", "python", "numpy"])
def test_layers_skipped_at_random_are_the_same_for_the_same_seed(
    coin: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "workers"))
    job = replace(TINY, model="random_networks:one_of_two", model_options={"coin": coin})
    weights: list[dict[str, Tensor]] = []
    for name in ("one", "two"):
        random.seed(name)
        np.random.seed(len(weights))
        torch.manual_seed(len(weights))
        before = random.getstate()
        weights.append(train(job, tmp_path / name).state_dict())
        assert random.getstate() == before
    for tensor_name, tensor in weights[0].items():
        assert torch.equal(tensor, weights[1][tensor_name]), tensor_name


def test_more_epochs_lengthen_a_finished_training(tmp_path: Path) -> None:
    train(TINY, tmp_path)
    with pytest.raises(CheckpointError, match=r"differs: epochs: 1 here, 2 there|more --epochs"):
        train(replace(TINY, epochs=2), tmp_path)
    train(replace(TINY, epochs=2), tmp_path, resume=True)
    _, document = load_supernet(tmp_path)
    assert document["changes"] == [{"step": 10, "field": "epochs", "from": 1, "to": 2}]
    rows = (tmp_path / "supernet" / "metrics.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["epoch", "1", "2"]
    with pytest.raises(CheckpointError, match="epochs: 1 here, 2 there"):
        train(TINY, tmp_path, resume=True)


def test_a_second_training_into_the_same_folder_is_refused(tmp_path: Path) -> None:
    with (
        owner(tmp_path),
        pytest.raises(CheckpointError, match=f"process {os.getpid()} on .*: wait"),
    ):
        train(TINY, tmp_path)
    train(TINY, tmp_path)


def test_a_rigid_network_is_refused_with_the_reason_where_widths_are_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "workers"))
    rigid = replace(TINY, model="rigid_network:orthogonal_layers", model_options={})
    with pytest.raises(ModelError, match=r"all stay \(aten.* in .*: .*--width-range 1 1") as caught:
        train(rigid, tmp_path)
    assert "\n" not in str(caught.value)
    train(replace(rigid, recipe=RECIPES["independent"]), tmp_path)
    assert "warning: only 0.0% of the MACs are in elastic layers" in capsys.readouterr().err


def photos(root: Path) -> Path:
    """Twelve images of each of two classes to train on and to validate with, two damaged."""
    for part, name, i in itertools.product(("train", "val"), ("dark", "light"), range(12)):
        path = root / part / name / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (16, 16), (20 * i, 5 if name == "dark" else 250, 0)).save(path)
    for damaged in ("train/dark/3.png", "val/light/5.png"):
        (root / damaged).write_bytes((root / damaged).read_bytes()[:60])
    return root


def test_damaged_images_are_left_out_before_the_first_step(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, run = photos(tmp_path / "photos"), tmp_path / "run"
    hyper = Hyperparameters(batch_size=8)
    job = replace(TINY, data=str(folder), hyperparameters=hyper)
    with pytest.raises(DataError, match="2 images cannot be used, such as train/dark/3"):
        train(job, run, Execution(strict=True))
    assert not run.exists()
    train(job, run)
    assert "2 images cannot be used" in capsys.readouterr().err
    recorded = read_document(run)["data"]
    assert recorded["excluded"] == ["train/dark/3.png", "val/light/5.png"]
    assert recorded["splits"]["report"]["num_images"] == 23
    for name in recorded["excluded"]:
        (folder / name).unlink()
    load_data(str(folder), resolution=12).check_same(recorded)


def test_a_training_goes_on_with_the_images_that_it_began_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where a damaged one is whole again, so that a new training would take it."""
    folder, run = photos(tmp_path / "photos"), tmp_path / "run"
    hyper = Hyperparameters(batch_size=8)
    job = replace(TINY, data=str(folder), hyperparameters=hyper, epochs=3)
    one_step = Loop.one_step

    def interrupted(loop: Loop, *args: Any, **options: Any) -> Any:
        if loop.num_steps_done == 3:
            raise KeyboardInterrupt
        return one_step(loop, *args, **options)

    monkeypatch.setattr(Loop, "one_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(job, run, Execution(save_every_s=0))
    monkeypatch.undo()
    for part, name in (("train", "dark/3.png"), ("val", "light/5.png")):
        Image.new("RGB", (16, 16)).save(folder / part / name)
    train(job, run, resume=True)
    assert read_document(run)["data"]["excluded"] == ["train/dark/3.png", "val/light/5.png"]


def test_the_folder_may_be_given_otherwise_or_have_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, run = photos(tmp_path / "photos"), tmp_path / "run"
    hyper = Hyperparameters(batch_size=8)
    job = replace(TINY, data=str(folder), hyperparameters=hyper)
    train(job, run)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for given in (f"{folder}/", "photos", "./photos/", "~/photos"):
        train(replace(job, data=given), run, resume=True)
    moved = folder.rename(tmp_path / "moved")
    train(replace(job, data="moved"), run, resume=True)
    (moved / "train" / "dark" / "0.png").rename(moved / "train" / "dark" / "x.png")
    with pytest.raises(DataError, match="split 'train' must hold the same 21 images"):
        train(replace(job, data="moved"), run, resume=True)
    with pytest.raises(CheckpointError, match="data: photos here"):
        train(replace(job, data="photos"), run, resume=True)
