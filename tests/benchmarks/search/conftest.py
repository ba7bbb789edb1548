from pathlib import Path

import pytest

from supernet import Hyperparameters, SearchSpace, TrainingJob
from supernet.train.training import train


@pytest.fixture(scope="session")
def trained_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a trained supernet and no scores, to be read only."""
    run = tmp_path_factory.mktemp("trained") / "run"
    job = TrainingJob(
        model_options={"depth": 10, "widen": 1, "stem_stride": 2},
        space=SearchSpace(resolutions=(12, 8)),
        hyperparameters=Hyperparameters(batch_size=500, lr=0.2),
        epochs=1,
    )
    train(job, run)
    return run
