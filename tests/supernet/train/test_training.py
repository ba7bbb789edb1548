"""`train` from Python; what the command does with it is in test___main__.py."""

import os
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from supernet.checkpoint import load_supernet
from supernet.errors import CheckpointError, ModelError
from supernet.job.hyperparameters import Hyperparameters
from supernet.job.recipe import RECIPES
from supernet.job.training_job import TrainingJob
from supernet.space import SearchSpace
from supernet.train import train
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
