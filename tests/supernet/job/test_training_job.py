import json
from pathlib import Path

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


def test_folders_are_compared_by_their_images_not_by_their_names(tmp_path: Path) -> None:
    """A folder may be given otherwise, or have moved; whoever goes on compares the images."""
    job = TrainingJob(data=str(tmp_path))
    for other in (f"{tmp_path}/", "photos", "~/photos"):
        assert job.differences(TrainingJob(data=other)) == []
    for named in ("fashion-mnist-mini", "torchvision:CIFAR10"):
        assert job.differences(TrainingJob(data=named))
        assert TrainingJob(data=named).differences(job)
    assert TrainingJob(data="torchvision:CIFAR10").differences(
        TrainingJob(data="torchvision:MNIST")
    )
    assert TrainingJob(data="no folder").differences(job)


def test_no_epochs_is_refused() -> None:
    with pytest.raises(SupernetError, match="epochs >= 1"):
        TrainingJob(epochs=0)
