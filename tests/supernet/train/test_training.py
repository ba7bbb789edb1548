"""`train` from Python; what the command does with it is in test___main__.py."""

import itertools
import os
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from supernet.checkpoint import load_supernet, read_document, weights_sha256, write_tensors
from supernet.data import load_data
from supernet.data.dataset import Data
from supernet.elastic.supernet import Supernet
from supernet.errors import CheckpointError, DataError, ModelError, OwnedError, SupernetError
from supernet.job.execution import Execution
from supernet.job.hyperparameters import Hyperparameters
from supernet.job.recipe import RECIPES
from supernet.job.training_job import TrainingJob
from supernet.models.registry import OWN, build_model
from supernet.space import SearchSpace
from supernet.train import beginning, train
from supernet.train.beginning import new_supernet
from supernet.train.loop import Loop
from supernet.train.owner import owner
from supernet.train.state import BEFORE, NEWEST, checksum, read_state, read_state_before
from supernet.train.step import StepResult

TINY = TrainingJob(
    model_options={"depth": 10, "widen": 1, "stem_stride": 2},
    space=SearchSpace(resolutions=(12, 8)),
    hyperparameters=Hyperparameters(batch_size=100),
    epochs=1,
)


def test_a_finished_training_is_refused_or_with_resume_left_as_it_is(
    data: Data, tmp_path: Path
) -> None:
    train(TINY, tmp_path, data=data)
    _, document = load_supernet(tmp_path)
    with pytest.raises(CheckpointError, match="holds a trained supernet"):
        train(TINY, tmp_path, data=data)
    train(TINY, tmp_path, data=data, resume=True)
    assert load_supernet(tmp_path)[1] == document


@pytest.mark.parametrize("coin", ["torch", "python", "numpy"])
def test_layers_skipped_at_random_are_the_same_for_the_same_seed(
    coin: str, data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "workers"))
    job = replace(TINY, model="random_networks:one_of_two", model_options={"coin": coin})
    weights: list[dict[str, Tensor]] = []
    for name in ("one", "two"):
        random.seed(name)
        np.random.seed(len(weights))
        torch.manual_seed(len(weights))
        before = random.getstate()
        weights.append(train(job, tmp_path / name, data=data).state_dict())
        assert random.getstate() == before
    for tensor_name, tensor in weights[0].items():
        assert torch.equal(tensor, weights[1][tensor_name]), tensor_name


def test_more_epochs_lengthen_a_finished_training(
    data: Data, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(TINY, tmp_path, data=data)
    with pytest.raises(CheckpointError, match=r"differs: epochs: 1 here, 2 there|more --epochs"):
        train(replace(TINY, epochs=2), tmp_path, data=data)
    capsys.readouterr()
    train(replace(TINY, epochs=2), tmp_path, data=data, resume=True)
    said = "on epochs 2 (was 1), with the schedule of so many, whose lr is 0.05 there: the weights"
    assert said in capsys.readouterr().err
    log = (tmp_path / "supernet" / "train.log").read_text()
    assert [f"{n}, batch_size" in log for n in ("1 epoch", "2 epochs")] == [True, True]
    _, document = load_supernet(tmp_path)
    assert document["changes"] == [{"step": 10, "field": "epochs", "from": 1, "to": 2}]
    rows = (tmp_path / "supernet" / "metrics.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["epoch", "1", "2"]
    with pytest.raises(CheckpointError, match="epochs: 1 here, 2 there"):
        train(TINY, tmp_path, data=data, resume=True)


def interrupt(
    job: TrainingJob, run: Path, data: Data, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Train, saving each step, and die at the start of `step`."""
    one_step = Loop.one_step

    def dying(loop: Loop, *arguments: Any, **options: Any) -> Any:
        if loop.num_steps_done == step:
            raise MemoryError
        return one_step(loop, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Loop, "one_step", dying)
        with pytest.raises(MemoryError):
            train(job, run, Execution(save_every_s=0), data=data)


@pytest.mark.parametrize("num_diverged", [1, 2])
def test_a_state_that_has_diverged_is_left_for_the_one_before(
    num_diverged: int,
    data: Data,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    interrupt(TINY, tmp_path, data, 4, monkeypatch)
    for name in (NEWEST, BEFORE)[:num_diverged]:
        folder = tmp_path / "supernet" / "last"
        saved = read_state(folder) if name == NEWEST else read_state_before(read_state(folder))
        assert saved is not None
        saved.tensors["model.classifier.bias"].fill_(torch.nan)
        note = {**saved.note, "checksum": checksum(saved.tensors)}
        write_tensors(folder / name, saved.tensors, note)
    capsys.readouterr()
    if num_diverged == 2:
        with pytest.raises(CheckpointError, match=r"must not have diverged.*begin again"):
            train(TINY, tmp_path, data=data, resume=True)
    else:
        train(TINY, tmp_path, data=data, resume=True)
        words = "the newest state has diverged, so this goes on from the one before, at step 3"
        assert words in capsys.readouterr().err


@pytest.mark.parametrize("name", ["weights.safetensors", "supernet.json"])
def test_a_finished_run_with_a_damaged_file_is_made_whole_as_advised(
    name: str, data: Data, tmp_path: Path
) -> None:
    train(TINY, tmp_path, data=data)
    folder = tmp_path / "supernet"
    before = (folder / "weights.safetensors").read_bytes()
    (folder / name).write_bytes((folder / name).read_bytes()[:100])
    with pytest.raises(CheckpointError, match=r"remove .*supernet.json and train with --resume"):
        load_supernet(tmp_path)
    (folder / "supernet.json").unlink()
    train(TINY, tmp_path, data=data, resume=True)
    assert (folder / "weights.safetensors").read_bytes() == before


def test_a_second_training_into_the_same_folder_is_refused(data: Data, tmp_path: Path) -> None:
    with (
        owner(tmp_path),
        pytest.raises(CheckpointError, match=f"process {os.getpid()} on .*: wait"),
    ):
        train(TINY, tmp_path, data=data)
    train(TINY, tmp_path, data=data)


def test_what_another_process_trained_meanwhile_is_not_overwritten(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look into the folder and the first step."""

    def late(*arguments: Any, **options: Any) -> Any:
        monkeypatch.undo()
        train(TINY, tmp_path, data=data)
        return new_supernet(*arguments, **options)

    monkeypatch.setattr("supernet.train.training.new_supernet", late)
    with pytest.raises(OwnedError, match="has trained into it meanwhile"):
        train(replace(TINY, seed=1), tmp_path, data=data)
    assert read_document(tmp_path)["job"]["seed"] == 0


def test_a_rigid_network_is_refused_with_the_reason_where_widths_are_trained(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "workers"))
    rigid = replace(TINY, model="rigid_network:orthogonal_layers", model_options={})
    with pytest.raises(ModelError, match=r"all stay \(aten.* in .*: .*--width-range 1 1") as caught:
        train(rigid, tmp_path, data=data)
    assert "\n" not in str(caught.value)
    train(replace(rigid, recipe=RECIPES["independent"]), tmp_path, data=data)
    assert "warning" not in capsys.readouterr().err  # widths are not trained


def test_a_training_begins_with_what_is_elastic_and_a_proof(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    proven: list[Supernet] = []
    monkeypatch.setattr(beginning, "proof_of", proven.append)
    train(TINY, tmp_path, data=data)
    assert "6 channel groups; 100.0% of the MACs are in elastic layers" in capsys.readouterr().err
    assert [type(each) for each in proven] == [Supernet]


def test_a_training_with_other_groups_is_not_continued(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(TINY, tmp_path, data=data)
    monkeypatch.setattr(Supernet, "groups_digest", lambda self: "of another version")
    with pytest.raises(CheckpointError, match="the channel groups that tracing finds"):
        train(replace(TINY, epochs=2), tmp_path, data=data, resume=True)


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
    err = capsys.readouterr().err
    assert "2 images cannot be used" in err
    assert err.count(": 2 classes, ") == 1, "what was found is said before the training"
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


ODD = TrainingJob(
    model="odd",
    model_options={},
    space=SearchSpace(resolutions=(12, 8)),
    hyperparameters=Hyperparameters(batch_size=200, ema_decay=0.9, decay_all=True),
    epochs=1,
)
QUICK = Execution(evaluate_every=0, save_every_s=0.0)


class Small(nn.Module):
    """A small network; `change` makes it an odd one."""

    def __init__(self, num_classes: int, change: Callable[[Any], None]) -> None:
        super().__init__()
        self.backbone = nn.Sequential(
            nn.Conv2d(3, 16, 3, stride=2), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 16, 1)
        )
        self.middle = nn.Sequential()
        self.head = nn.Linear(16, num_classes)
        change(self)

    def forward(self, x: Tensor) -> Any:
        return self.head(self.middle(self.backbone(x)).mean((2, 3)))


def put(change: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OWN, "odd", lambda num_classes: Small(num_classes, change))


def stopped(job: TrainingJob, run: Path, data: Data, num_steps: int) -> None:
    """Train and die at the start of a step, as by a kill."""
    numbers, one_step = itertools.count(), Loop.one_step

    def dying(loop: Loop, *arguments: Any, **options: Any) -> StepResult:
        if next(numbers) == num_steps:
            raise MemoryError
        return one_step(loop, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Loop, "one_step", dying)
        with pytest.raises(MemoryError):
            train(job, run, QUICK, data=data)


def tie_layers(model: Any) -> None:
    model.middle = nn.Sequential(nn.Conv2d(16, 16, 1), nn.ReLU(), nn.Conv2d(16, 16, 1))
    model.middle[2].weight = model.middle[0].weight


def name_again(model: Any) -> None:
    model.stem = model.backbone[0]
    model.features = nn.Sequential(*model.backbone.children())


class Shift(nn.Module):
    value: Tensor

    def __init__(self, value: Tensor) -> None:
        super().__init__()
        self.register_buffer("value", value)

    def forward(self, x: Tensor) -> Any:
        return x + self.value


def tie_buffers(model: Any) -> None:
    value = torch.rand(1, 16, 1, 1)
    model.middle = nn.Sequential(Shift(value), Shift(value))


class Noted(nn.Identity):
    """Has a version and extra state, and loads with both only."""

    _version = 2

    def __init__(self) -> None:
        super().__init__()
        self.note = {"sizes": (1, 2), 3: torch.ones(2)}

    def get_extra_state(self) -> Any:
        return self.note

    def set_extra_state(self, state: Any) -> None:
        self.note = state

    def _load_from_state_dict(self, state: Any, prefix: str, metadata: Any, *rest: Any) -> None:
        if metadata.get("version") not in (1, 2):
            raise ValueError("version should be set to 1 or 2")
        super()._load_from_state_dict(state, prefix, metadata, *rest)


def add_extra_state(model: Any) -> None:
    model.middle = Noted()


def draw_at_random(model: Any) -> None:
    model.middle = nn.Sequential(nn.Conv2d(16, 16, 1), *[nn.ReLU()] * int(torch.randint(1, 9, ())))
    model.middle[0].register_buffer("seen", torch.rand(3), persistent=False)


def freeze_part(model: Any) -> None:
    model.backbone.requires_grad_(False)


def add_integers(model: Any) -> None:
    counts = torch.arange(1, 17).view(16, 1, 1)
    model.middle = Shift(torch.zeros(1))
    model.middle.counts = nn.Parameter(counts, requires_grad=False)


@pytest.mark.parametrize(
    "change",
    [
        *(tie_layers, name_again, tie_buffers, add_extra_state, draw_at_random, freeze_part),
        add_integers,
    ],
)
def test_an_odd_network_is_trained_stored_and_resumed_bit_for_bit(
    change: Callable[[Any], None], data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(change, monkeypatch)
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    trained = train(ODD, whole, QUICK, data=data)
    stopped(ODD, halves, data, num_steps=3)
    train(ODD, halves, QUICK, data=data, resume=True)
    weights = Path("supernet", "weights.safetensors")
    assert (whole / weights).read_bytes() == (halves / weights).read_bytes()
    loaded, document = load_supernet(whole)
    assert weights_sha256(loaded) == weights_sha256(trained) == document["weights_sha256"]
    fresh = build_model("odd", 10, seed=ODD.seed)
    after = dict(trained.model.named_parameters())
    changed = [name for name, p in fresh.named_parameters() if not torch.equal(p, after[name])]
    assert changed == [name for name, p in fresh.named_parameters() if p.requires_grad]
    assert len(list(loaded.model.buffers())) == len(list(fresh.buffers()))
    assert loaded.extract(loaded.space.smallest).eval()(torch.zeros(2, 3, 8, 8)).shape == (2, 10)


def double(model: Any) -> None:
    model.double()


def freeze_all(model: Any) -> None:
    model.requires_grad_(False)


def add_complex_parameter(model: Any) -> None:
    model.backbone.phase = nn.Parameter(torch.ones(3, dtype=torch.complex64))


class Counts(nn.Module):
    number: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("number", torch.tensor(0))

    def forward(self, x: Tensor) -> Tensor:
        self.number += 1
        return x


def count(model: Any) -> None:
    model.middle = Counts()


NUMBERS = itertools.count(1)


def grow(model: Any) -> None:
    model.middle = nn.Conv2d(16, 16, 2 * next(NUMBERS) + 1, padding="same")


def view_another(model: Any) -> None:
    model.middle = Shift(model.head.weight.data[0].view(16, 1, 1))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (double, "must be float32, but backbone.0.weight is float64"),
        (freeze_all, "must have parameters that are trained"),
        (add_complex_parameter, "must be real, but backbone.phase is complex64"),
        (count, "but changes middle.number"),
        (grow, "must be the same each time that it is built"),
        (view_another, "but middle.value shares memory with head.weight"),
    ],
)
def test_a_network_that_cannot_be_trained_right_is_refused_before_anything_is_written(
    change: Callable[[Any], None],
    words: str,
    data: Data,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put(change, monkeypatch)
    with pytest.raises(SupernetError, match=words) as caught:
        train(ODD, tmp_path / "run", QUICK, data=data)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) <= 200
    assert not (tmp_path / "run").exists()


def test_a_training_goes_on_without_the_file_of_its_first_weights(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(lambda model: None, monkeypatch)
    weights, run = tmp_path / "weights.pt", tmp_path / "run"
    given = build_model("odd", 10, seed=5)
    torch.save(given.state_dict(), weights)
    job = replace(ODD, weights=str(weights), sort_by_importance=True)
    train(job, tmp_path / "whole", QUICK, data=data)
    stopped(job, run, data, num_steps=3)
    weights.unlink()
    train(job, run, QUICK, data=data, resume=True)
    files = [each / "supernet" / "weights.safetensors" for each in (run, tmp_path / "whole")]
    assert files[0].read_bytes() == files[1].read_bytes()
    train(job, run, QUICK, data=data, resume=True)  # finished: nothing is left to do
    with pytest.raises(CheckpointError, match="must be a readable file"):
        train(job, tmp_path / "another", QUICK, data=data, resume=True)


@pytest.mark.parametrize(("batch_size", "epochs"), [(50, 2), (500, 1)])
def test_a_loss_that_stays_worse_than_guessing_ends_the_training(
    batch_size: int, epochs: int, tmp_path: Path
) -> None:
    hyper = Hyperparameters(batch_size=batch_size, lr=200.0, clip_norm=2.0, warmup_fraction=0.0)
    job = replace(TINY, hyperparameters=hyper, epochs=epochs)
    with pytest.raises(SupernetError, match=r"must fall below 2\.30.*lower lr \(it is 200\), and"):
        train(job, tmp_path)
    assert read_state(tmp_path / "supernet" / "last").num_steps_done < 160


def test_epochs_left_open_are_settled_and_kept_in_a_resume(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("supernet.job.training_job.IMAGES_SHOWN", 2_000)
    monkeypatch.setattr("supernet.job.training_job.EPOCHS", (1, 60))
    job = replace(TINY, epochs=0)
    train(job, tmp_path, data=data)
    assert "2 epochs for 1,000 training images; --epochs" in capsys.readouterr().err
    assert load_supernet(tmp_path)[1]["job"]["epochs"] == 2
    train(job, tmp_path, data=data, resume=True)  # what is there is what was asked for


def test_data_must_be_normalised_as_the_job_says(tmp_path: Path) -> None:
    tuned = replace(TINY.hyperparameters, batch_size=1000, normalisation="imagenet")
    job, data = replace(TINY, hyperparameters=tuned), load_data(TINY.data, resolution=12)
    with pytest.raises(DataError, match="normalisation of the job, imagenet, but has data"):
        train(job, tmp_path, data=data)
    train(job, tmp_path)
    assert read_document(tmp_path)["data"]["mean"] == [0.485, 0.456, 0.406]
