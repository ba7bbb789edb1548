"""`train` from Python; what the command does with it is in test___main__.py."""

from pathlib import Path

import pytest

from supernet.checkpoint import load_supernet
from supernet.errors import CheckpointError
from supernet.job.hyperparameters import Hyperparameters
from supernet.job.training_job import TrainingJob
from supernet.space import SearchSpace
from supernet.train import train

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
