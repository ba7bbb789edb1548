from pathlib import Path

import pytest
import torch
from torch import nn

from supernet.errors import CheckpointError
from supernet.job.training_job import TrainingJob
from supernet.train.ema import Ema
from supernet.train.state import State, read_about


def make(width: int = 3) -> State:
    torch.manual_seed(0)
    model = nn.Linear(width, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    return State(model, optimizer, Ema(model, 0.9), scaler, torch.zeros(4, dtype=torch.float64))


def test_a_written_state_reads_back_whole(tmp_path: Path) -> None:
    state = make()
    loss = state.model(torch.ones(1, 3)).sum()
    state.scaler.scale(loss).backward()
    state.scaler.step(state.optimizer)
    state.scaler.update(4.0)
    state.ema.update(3)
    state.num_steps_done = 4
    state.epoch_losses += 0.1
    state.write(tmp_path / "state", {"why": "a test"})
    other = make()
    assert other.read(tmp_path / "state") == {"why": "a test"}
    assert other.num_steps_done == 4
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
    make().write(tmp_path / "state", {})
    with pytest.raises(CheckpointError, match="must fit the model"):
        make(width=4).read(tmp_path / "state")


def test_what_was_noted_is_a_job_and_data(tmp_path: Path) -> None:
    about = {"job": TrainingJob().to_json(), "data": {"classes": [], "splits": {}}}
    make().write(tmp_path / "state", about)
    assert TrainingJob.from_json(read_about(tmp_path / "state")["job"]) == TrainingJob()
    make().write(tmp_path / "state", {"job": {"colour": "red"}})
    with pytest.raises(CheckpointError, match="of another version"):
        read_about(tmp_path / "state")
