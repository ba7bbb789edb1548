import json

import pytest

from supernet.errors import SupernetError
from supernet.job.training_job import TrainingJob
from supernet.space import SearchSpace


def test_a_job_survives_json() -> None:
    job = TrainingJob(
        data="photos", model="mobilenet_v2", model_options={"small_input": True}, epochs=3
    )
    assert TrainingJob.from_json(json.loads(json.dumps(job.to_json()))) == job


def test_differences_are_named() -> None:
    job = TrainingJob(epochs=3)
    assert job.differences(TrainingJob(epochs=3)) == []
    assert job.differences(TrainingJob(epochs=4)) == ["epochs: 3 here, 4 there"]
    assert len(job.differences(TrainingJob(seed=1, space=SearchSpace(resolutions=(32,))))) == 3


def test_no_epochs_is_refused() -> None:
    with pytest.raises(SupernetError, match="epochs >= 1"):
        TrainingJob(epochs=0)
