"""`train` from Python; what the command does with it is in test___main__.py."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from supernet.checkpoint import load_supernet, weights_sha256
from supernet.data.dataset import Data
from supernet.data.sources import load_embedded
from supernet.errors import CheckpointError, SupernetError
from supernet.job.execution import Execution
from supernet.job.hyperparameters import Hyperparameters
from supernet.job.training_job import TrainingJob
from supernet.models.registry import OWN, build_model
from supernet.space import SearchSpace
from supernet.train import train
from supernet.train.loop import Loop
from supernet.train.step import StepResult

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


ODD = TrainingJob(
    model="odd",
    model_options={},
    space=SearchSpace(resolutions=(12, 8)),
    hyperparameters=Hyperparameters(batch_size=200, ema_decay=0.9, decay_all=True),
    epochs=1,
)
QUICK = Execution(evaluate_every=0, save_every_s=0.0)


@pytest.fixture(scope="module")
def data() -> Data:
    """A tenth of the embedded images: 5 batches of 200 an epoch."""
    whole = load_embedded()
    official = {split: part[::10] for split, part in whole.official.items()}
    return Data(replace(whole, official=official), resolution=12, seed=0)


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
