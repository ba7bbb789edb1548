import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from supernet.errors import CheckpointError
from supernet.job.training_job import TrainingJob
from supernet.train.ema import Ema
from supernet.train.state import BEFORE, NEWEST, State, read_state


def make(width: int = 3) -> State:
    torch.manual_seed(0)
    model = nn.Linear(width, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    return State(model, optimizer, Ema(model, 0.9), scaler, torch.zeros(4, dtype=torch.float64))


ABOUT = {
    "job": TrainingJob().to_json(),
    "data": {"classes": [], "splits": {}},
    "groups_sha256": "",
    "changes": [],
}


def test_a_written_state_reads_back_whole(tmp_path: Path) -> None:
    state = make()
    loss = state.model(torch.ones(1, 3)).sum()
    state.scaler.scale(loss).backward()
    state.scaler.step(state.optimizer)
    state.scaler.update(4.0)
    state.ema.update(3)
    state.num_steps_done, state.num_skipped = 4, 2
    state.epoch_losses += 0.1
    state.write(tmp_path, ABOUT)
    other, saved = make(), read_state(tmp_path)
    assert saved.about == ABOUT
    assert saved.job == TrainingJob()
    other.load(saved)
    assert (other.num_steps_done, other.num_skipped) == (4, 2)
    assert other.scaler.get_scale() == 4.0
    assert torch.equal(other.epoch_losses, state.epoch_losses)
    for name, parameter in state.model.named_parameters():
        mine = other.model.get_parameter(name)
        assert torch.equal(mine, parameter)
        assert torch.equal(other.ema.weights[name], state.ema.weights[name])
        buffers = [
            s.optimizer.state[p]["momentum_buffer"] for s, p in ((state, parameter), (other, mine))
        ]
        assert torch.equal(*buffers)


def test_a_state_of_another_model_is_refused(tmp_path: Path) -> None:
    make().write(tmp_path, ABOUT)
    with pytest.raises(CheckpointError, match="must fit the model"):
        make(width=4).load(read_state(tmp_path))


def test_a_state_of_another_version_is_refused(tmp_path: Path) -> None:
    make().write(tmp_path, {"job": {"colour": "red"}})
    with pytest.raises(CheckpointError, match="of another version"):
        read_state(tmp_path)


def two_states(folder: Path) -> None:
    state = make()
    for step in (1, 2):
        state.num_steps_done = step
        state.write(folder, ABOUT)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5])


def change_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def zeros(path: Path) -> None:
    """As some file systems leave a file that was renamed before its content reached the disk."""
    path.write_bytes(bytes(path.stat().st_size))


@pytest.mark.parametrize("damage", [cut, change_a_bit, empty, zeros, Path.unlink])
def test_a_damaged_state_falls_back_to_the_one_before(
    tmp_path: Path, damage: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    two_states(tmp_path)
    damage(tmp_path / NEWEST)
    assert read_state(tmp_path).num_steps_done == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "goes on from the one before, at step 1" in line
    damage(tmp_path / BEFORE)
    with pytest.raises(CheckpointError):
        read_state(tmp_path)


def test_a_whole_state_is_on_the_disk_before_the_one_before_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order of the system's calls, which a power cut would show."""
    two_states(tmp_path)
    calls: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def synced(handle: int) -> None:
        calls.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "content")
        fsync(handle)

    def renamed(path: Path, target: Path) -> Path:
        calls.append(f"{path.name} -> {target.name}")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", renamed)
    make().write(tmp_path, ABOUT)
    assert calls == [
        "content",
        f".{BEFORE}.tmp -> {BEFORE}",
        f".{NEWEST}.tmp -> {NEWEST}",
        "folder",
    ]
