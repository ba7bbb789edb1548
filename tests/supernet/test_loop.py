"""The loop on a tiny network and a few images of the embedded set."""

import itertools
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from supernet.data import Data, load_data
from supernet.errors import CheckpointError, SupernetError
from supernet.job import TrainingJob
from supernet.loop import Loop, learning_rate, make_optimizer
from supernet.models import MobileNetV1, build_model
from supernet.recipe import RECIPES
from supernet.space import SearchSpace
from supernet.supernet import Supernet

RECIPE = replace(RECIPES["mutual"], batch_size=500)
JOB = TrainingJob(
    model="wide_resnet",
    model_options={"depth": 10, "widen": 1, "stem_stride": 2},
    recipe=RECIPE,
    space=SearchSpace(resolutions=(12, 8)),
    epochs=2,
)


@pytest.fixture(scope="module")
def data() -> Data:
    return load_data("fashion-mnist-mini", resolution=12)


def make(data: Data, run: Path, job: TrainingJob = JOB, save_every_s: float = 60.0) -> Loop:
    torch.manual_seed(job.seed)
    model = build_model(job.model, len(data.classes), job.model_options)
    supernet = Supernet(model, torch.empty(1, 3, 12, 12), job.space)
    return Loop(supernet, data, job, run, save_every_s=save_every_s)


def stop_after(loop: Loop, num_steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Train and die at the start of a step, as by a kill: nothing is saved on the way out."""
    numbers = itertools.count()
    one_step = loop.one_step

    def dying(images: Tensor, labels: Tensor, bar: object) -> None:
        if next(numbers) == num_steps:
            raise MemoryError
        one_step(images, labels, bar)  # type: ignore[arg-type]

    monkeypatch.setattr(loop, "one_step", dying)
    with pytest.raises(MemoryError):
        loop.train()


def weights(loop: Loop) -> dict[str, Tensor]:
    return loop.supernet.model.state_dict()


@pytest.fixture(scope="module")
def uninterrupted(data: Data, tmp_path_factory: pytest.TempPathFactory) -> Loop:
    loop = make(data, tmp_path_factory.mktemp("whole"))
    loop.train()
    return loop


@pytest.mark.parametrize("num_steps", [0, 7, 20, 33])
def test_a_killed_run_that_goes_on_ends_with_the_same_bits(
    data: Data, uninterrupted: Loop, tmp_path: Path, num_steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_after(make(data, tmp_path, save_every_s=0.0), num_steps, monkeypatch)
    resumed = make(data, tmp_path)
    resumed.resume()
    assert resumed.step == num_steps
    resumed.train()
    for name, tensor in weights(uninterrupted).items():
        assert torch.equal(tensor, weights(resumed)[name]), name
    assert resumed.metrics.path.read_text() == uninterrupted.metrics.path.read_text()


def test_metrics_have_a_row_an_epoch(uninterrupted: Loop) -> None:
    header, *rows = uninterrupted.metrics.path.read_text().splitlines()
    assert header == "epoch,step,lr,loss_full,loss_narrowest,loss_random1,loss_random2"
    assert [row.split(",")[:2] for row in rows] == [["1", "20"], ["2", "40"]]
    first, second = (float(row.split(",")[3]) for row in rows)
    assert second < first < math.log(10) * 1.1  # it learns


def test_another_job_does_not_go_on(data: Data, uninterrupted: Loop) -> None:
    other = make(data, uninterrupted.run, replace(JOB, epochs=5))
    with pytest.raises(CheckpointError, match="epochs: 2 then, 5 now"):
        other.resume()


def test_a_damaged_state_is_refused(data: Data, tmp_path: Path) -> None:
    loop = make(data, tmp_path)
    loop.save()
    loop.state_path.write_bytes(loop.state_path.read_bytes()[:-5])
    with pytest.raises(CheckpointError, match="must be a whole checkpoint"):
        loop.resume()


def test_a_loss_that_is_not_finite_names_step_and_config(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = make(data, tmp_path)

    train_batches = data.train_batches

    def poisoned(**_: object) -> Iterator[tuple[Tensor, Tensor]]:
        for images, labels in train_batches(batch_size=500, epoch=0, seed=0):
            with torch.no_grad():
                loop.supernet.model.get_parameter("classifier.bias").fill_(math.nan)
            yield images, labels

    monkeypatch.setattr(data, "train_batches", poisoned)
    with pytest.raises(SupernetError, match="got nan at step 0 for w1-r12"):
        loop.train()


def test_the_learning_rate_warms_up_and_falls_to_nothing() -> None:
    recipe = replace(RECIPES["mutual"], lr=0.4, warmup_fraction=0.1)
    rates = [learning_rate(recipe, step, 100) for step in range(100)]
    assert rates[0] == pytest.approx(0.04)
    assert max(rates) == pytest.approx(0.4, rel=0.05)
    assert rates[-1] < 0.001
    assert rates[9:] == sorted(rates[9:], reverse=True)
    flat = replace(recipe, warmup_fraction=0.0)
    assert learning_rate(flat, 50, 100) == pytest.approx(0.2)  # half of a cosine


def test_weight_decay_falls_on_dense_convolutions_and_the_classifier_only() -> None:
    model = MobileNetV1(10)
    supernet = Supernet(model, torch.empty(1, 3, 32, 32), SearchSpace(resolutions=(32,)))
    decayed, others = make_optimizer(supernet, RECIPE).param_groups
    names = {id(p): name for name, p in model.named_parameters()}
    dense = {names[id(p)] for p in decayed["params"]}
    assert others["weight_decay"] == 0
    assert decayed["weight_decay"] == RECIPE.weight_decay
    assert "features.0.weight" in dense  # the stem
    assert "features.3.weight" not in dense  # depthwise
    assert "features.6.weight" in dense  # pointwise
    assert "classifier.weight" in dense
    assert "classifier.bias" not in dense
    assert len(decayed["params"]) + len(others["params"]) == len(names)
