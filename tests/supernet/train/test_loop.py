"""The loop on a tiny network and a few images of the embedded set."""

import itertools
import math
import resource
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from supernet.data.dataset import Data
from supernet.data.sources import load_embedded
from supernet.elastic.supernet import Supernet
from supernet.errors import CheckpointError, DataError, SupernetError
from supernet.evaluate.accuracy import Accuracy
from supernet.job.execution import Execution
from supernet.job.hyperparameters import Hyperparameters
from supernet.job.training_job import TrainingJob
from supernet.models import build_model
from supernet.space import SearchSpace
from supernet.train.loop import Loop
from supernet.train.process_group import ProcessGroup
from supernet.train.state import NEWEST, read_state
from supernet.train.step import StepResult

HYPER = Hyperparameters(
    batch_size=120, ema_decay=0.9, clip_norm=5.0, label_smoothing=0.1, accumulate=2, mixup=0.2
)
"""Everything that has a state or draws random numbers."""
JOB = TrainingJob(
    model="wide_resnet",
    model_options={"depth": 10, "widen": 1, "stem_stride": 2},
    hyperparameters=HYPER,
    space=SearchSpace(resolutions=(12, 8)),
    epochs=2,
)


@pytest.fixture(scope="module")
def data() -> Data:
    return part_of_the_images()


def part_of_the_images(seed: int = 0, *, every: int = 4) -> Data:
    """One in `every` of the embedded images; by default 20 batches of 120 an epoch."""
    whole = load_embedded()
    official = {split: part[::every] for split, part in whole.official.items()}
    return Data(replace(whole, official=official), resolution=12, seed=seed)


def make(
    data: Data,
    run: Path,
    job: TrainingJob = JOB,
    save_every_s: float = 60.0,
    *,
    graphs: bool = False,
) -> Loop:
    torch.manual_seed(job.seed)
    model = build_model(job.model, len(data.classes), job.model_options)
    supernet = Supernet(model, torch.empty(1, 3, 12, 12), job.space)
    execution = Execution(save_every_s=save_every_s, graphs=graphs)
    return Loop(supernet, data, job, run, execution, ProcessGroup(), supernet)


def stop_after(loop: Loop, num_steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Train and die at the start of a step, as by a kill: nothing is saved on the way out."""
    numbers = itertools.count()
    one_step = loop.one_step

    def dying(*arguments: Any, **options: Any) -> StepResult:
        if next(numbers) == num_steps:
            raise MemoryError
        return one_step(*arguments, **options)

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


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    "num_steps", [0, pytest.param(7, marks=SLOW), pytest.param(20, marks=SLOW), 33]
)
def test_a_killed_run_that_goes_on_ends_with_the_same_bits(
    data: Data, uninterrupted: Loop, tmp_path: Path, num_steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_after(make(data, tmp_path, save_every_s=0.0), num_steps, monkeypatch)
    resumed = make(data, tmp_path)
    resumed.resume(read_state(resumed.state_folder))
    assert resumed.num_steps_done == num_steps
    resumed.train()
    for name, tensor in weights(uninterrupted).items():
        assert torch.equal(tensor, weights(resumed)[name]), name
    assert resumed.metrics.path.read_text() == uninterrupted.metrics.path.read_text()


class Remembered:
    """Stands for CUDA's recorder of graphs."""

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        work()
        return work


def test_a_killed_run_goes_on_with_recorded_steps_to_the_same_bits(
    data: Data, uninterrupted: Loop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("supernet.train.loop.CudaRecorder", Remembered)
    stop_after(make(data, tmp_path, save_every_s=0.0, graphs=True), 33, monkeypatch)
    resumed = make(data, tmp_path, graphs=True)
    resumed.resume(read_state(resumed.state_folder))
    resumed.train()
    assert resumed.step.graphs is not None
    assert resumed.step.graphs.num_recorded > 0
    for name, tensor in weights(uninterrupted).items():
        assert torch.equal(tensor, weights(resumed)[name]), name


def test_metrics_have_a_row_an_epoch(uninterrupted: Loop) -> None:
    header, *rows = uninterrupted.metrics.path.read_text().splitlines()
    losses = "loss_full,loss_narrowest,loss_random1"
    corners = "top1_w1-r12,top1_w0.25-r12,top1_w1-r8,top1_w0.25-r8"
    assert header == f"epoch,step,lr,{losses},{corners}"
    assert [row.split(",")[:2] for row in rows] == [["1", "20"], ["2", "40"]]
    for row in rows:  # looked at after each quarter of the training, here after each epoch
        assert all(0.1 <= float(top1) < 1 for top1 in row.split(",")[6:])
    first, second = (float(row.split(",")[3]) for row in rows)
    assert second < first < math.log(10) * 1.1  # it learns


@pytest.mark.parametrize(("epochs", "every"), [(1, 1), (2, 1), (20, 5), (39, 9), (250, 10)])
def test_the_corners_are_looked_at_after_each_quarter(
    data: Data, tmp_path: Path, epochs: int, every: int
) -> None:
    assert make(data, tmp_path, replace(JOB, epochs=epochs)).evaluate_every == every


PATIENT = replace(JOB, epochs=9, hyperparameters=replace(HYPER, patience=2))


@pytest.fixture(scope="module")
def few() -> Data:
    """Two batches of 120 an epoch."""
    whole = load_embedded()
    official = {split: part[::40] for split, part in whole.official.items()}
    return Data(replace(whole, official=official), resolution=12, seed=0)


def falling(*top1s: float) -> Any:
    """Stands for `selection_top1`: what the corners score after each epoch."""
    epochs = iter(top1s)

    def selection_top1(supernet: Supernet, corners: Any, images: Any) -> dict[str, Accuracy]:
        top1 = next(epochs)
        return {c.config_id: Accuracy(num_images=100, num_correct=int(top1)) for c in corners}

    return selection_top1


@pytest.fixture(scope="module")
def ended_early(few: Data, tmp_path_factory: pytest.TempPathFactory) -> Loop:
    """A run of nine epochs whose second was the best."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("supernet.train.loop.selection_top1", falling(20, 50, 50, 40))
        loop = make(few, tmp_path_factory.mktemp("early"), PATIENT)
        loop.train()
    return loop


def test_a_training_ends_early_where_that_is_asked_for_and_says_so(ended_early: Loop) -> None:
    assert ended_early.num_steps_done == 4 * 2
    said = (ended_early.run / "supernet" / "train.log").read_text()
    (line,) = (line for line in said.splitlines() if "ends early" in line)
    assert "after epoch 4 of 9: since epoch 2 the mean top1 of the corners has not risen" in line
    assert "the learning rate is still 0.0" in line


@pytest.mark.parametrize("num_steps", [3, 6, 8])
def test_a_killed_run_ends_early_all_the_same(
    few: Data, ended_early: Loop, tmp_path: Path, num_steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    top1s = (20, 50, 50, 40)
    monkeypatch.setattr("supernet.train.loop.selection_top1", falling(*top1s))
    before = make(few, tmp_path, PATIENT, save_every_s=0.0)
    if num_steps < 8:
        stop_after(before, num_steps, monkeypatch)
    else:
        before.train()
    monkeypatch.setattr("supernet.train.loop.selection_top1", falling(*top1s[num_steps // 2 :]))
    resumed = make(few, tmp_path, PATIENT)
    resumed.resume(read_state(resumed.state_folder))
    resumed.train()
    assert resumed.num_steps_done == ended_early.num_steps_done
    for name, tensor in weights(ended_early).items():
        assert torch.equal(tensor, weights(resumed)[name]), name


def test_another_job_does_not_go_on(data: Data, uninterrupted: Loop) -> None:
    other = make(data, uninterrupted.run, replace(JOB, seed=5))
    with pytest.raises(CheckpointError, match=r"seed: 5 here, 0 there \(of all arguments only"):
        other.resume(read_state(other.state_folder))
    with pytest.raises(CheckpointError, match="--epochs must reach beyond step 40"):
        make(data, uninterrupted.run, replace(JOB, epochs=1)).resume(
            read_state(uninterrupted.state_folder)
        )


def test_what_a_refusal_advises_is_accepted_and_recorded(
    data: Data, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stopped = make(data, tmp_path)
    stopped.state.num_steps_done = 7
    stopped.save()
    hyper = replace(HYPER, lr=0.01, clip_norm=1.0)
    resumed = make(data, tmp_path, replace(JOB, hyperparameters=hyper))
    resumed.resume(read_state(resumed.state_folder))
    assert resumed.num_steps_done == 7
    assert resumed.changes == [
        {"step": 7, "field": "hyperparameters.lr", "from": 0.1, "to": 0.01},
        {"step": 7, "field": "hyperparameters.clip_norm", "from": 5.0, "to": 1.0},
    ]
    (line,) = capsys.readouterr().err.splitlines()
    assert "hyperparameters.lr 0.01 (was 0.1)" in line
    assert "the weights will be those of neither job alone" in line
    resumed.save()
    again = make(data, tmp_path, replace(JOB, hyperparameters=hyper))
    again.resume(read_state(again.state_folder))
    assert again.changes == resumed.changes
    assert capsys.readouterr().err == ""


def test_another_number_of_processes_is_recorded(
    data: Data, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each process has BN statistics and random numbers of its own."""
    of_two = make(data, tmp_path)
    of_two.group = ProcessGroup(0, 2)
    of_two.state.num_steps_done = 7
    of_two.save()
    alone = make(data, tmp_path)
    alone.resume(read_state(alone.state_folder))
    assert alone.changes == [{"step": 7, "field": "num_processes", "from": 2, "to": 1}]
    assert "from step 7 on num_processes 1 (was 2): the weights" in capsys.readouterr().err


def test_a_damaged_state_is_refused(data: Data, tmp_path: Path) -> None:
    loop = make(data, tmp_path)
    loop.save()
    state = loop.state_folder / NEWEST
    state.write_bytes(state.read_bytes()[:-5])
    with pytest.raises(CheckpointError, match="must be a complete checkpoint"):
        loop.resume(read_state(loop.state_folder))


def test_a_loss_that_is_not_finite_names_step_and_config(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = make(data, tmp_path)

    loop.save()
    before = (loop.state_folder / NEWEST).read_bytes()
    train_batches = data.train_batches

    def poisoned(**_: object) -> Iterator[tuple[Tensor, Tensor]]:
        for images, labels in train_batches(batch_size=120, epoch=0, seed=0):
            with torch.no_grad():
                loop.supernet.model.get_parameter("classifier.bias").fill_(math.nan)
            yield images, labels

    monkeypatch.setattr(data, "train_batches", poisoned)
    with pytest.raises(SupernetError, match="got nan at step 0 for w1-r12"):
        loop.train()
    assert (loop.state_folder / NEWEST).read_bytes() == before


def test_a_gradient_that_is_not_finite_stops_before_the_weights_change(
    data: Data, tmp_path: Path
) -> None:
    loop = make(data, tmp_path)
    before = {name: tensor.clone() for name, tensor in weights(loop).items()}
    loop.supernet.model.get_parameter("classifier.bias").register_hook(lambda g: g * math.inf)
    with pytest.raises(SupernetError, match=r"gradient must stay finite.* at step 0 for w1-r12 \+"):
        loop.train()
    for name, tensor in weights(loop).items():
        assert torch.equal(tensor, before[name]), name


@pytest.mark.parametrize(
    ("batch_size", "num_skipped", "words"),
    [
        (24, 10, "in 10 of 10 float16 overflowed: set dtype=bfloat16"),
        (6, 25, "must be finite in float16 at a loss scale of 0.002, but"),
    ],
)
def test_float16_that_never_takes_a_step_is_refused(
    tmp_path: Path, batch_size: int, num_skipped: int, words: str
) -> None:
    """On few images: the backward pass of a convolution in float16 is slow on CPUs."""
    hyper = replace(HYPER, dtype="float16", batch_size=batch_size)
    job = replace(JOB, hyperparameters=hyper, epochs=1)
    loop = make(part_of_the_images(every=40), tmp_path, job)
    loop.supernet.model.get_parameter("classifier.bias").register_hook(lambda g: g * math.inf)
    with pytest.raises(SupernetError, match=words):
        loop.train()
    assert loop.state.num_skipped == num_skipped


def test_a_save_that_takes_long_comes_less_often(data: Data, tmp_path: Path) -> None:
    loop = make(data, tmp_path, save_every_s=1.0)
    loop.saved_at -= 2
    assert loop._is_save_due()
    loop.save_took_s = 1.0  # 2 % of 50 s
    assert not loop._is_save_due()
    loop.saved_at -= 50
    assert loop._is_save_due()


def test_changed_data_do_not_go_on(data: Data, tmp_path: Path) -> None:
    make(data, tmp_path).save()
    with pytest.raises(DataError, match="split 'calibration' must hold the same 2000 images"):
        make(part_of_the_images(seed=1), tmp_path).resume(
            read_state(tmp_path / "supernet" / "last")
        )


def test_a_full_disk_loses_nothing_that_was_saved(data: Data, tmp_path: Path) -> None:
    loop = make(data, tmp_path)
    loop.save()
    loop.metrics.begin(0)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40, hard))  # as if the disk had no more
    try:
        with pytest.raises(CheckpointError, match="must be writable"):
            loop.save()
        with pytest.raises(CheckpointError, match="must be writable"):
            loop.metrics.add(1, 1, 0.1, {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert after == before
