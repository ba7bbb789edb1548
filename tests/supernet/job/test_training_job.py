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


def test_changes_are_named_with_both_values() -> None:
    job = TrainingJob(epochs=3)
    assert job.changes_from(TrainingJob(epochs=3, data_root="elsewhere")) == {}
    assert job.changes_from(TrainingJob(epochs=4)) == {"epochs": (4, 3)}
    other = TrainingJob(epochs=3, seed=1, space=SearchSpace(resolutions=(32,)))
    assert set(job.changes_from(other)) == {"space.resolutions", "seed"}


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_that_a_generator_refuses_is_refused(seed: int) -> None:
    with pytest.raises(SupernetError, match="0 <= seed"):
        TrainingJob(seed=seed)


def test_folders_are_compared_by_their_images_not_by_their_names(tmp_path: Path) -> None:
    """A folder may be given otherwise, or have moved; whoever goes on compares the images."""
    job = TrainingJob(data=str(tmp_path))
    for other in (f"{tmp_path}/", "photos", "~/photos"):
        assert job.changes_from(TrainingJob(data=other)) == {}
    for named in ("fashion-mnist-mini", "torchvision:CIFAR10"):
        assert job.changes_from(TrainingJob(data=named))
        assert TrainingJob(data=named).changes_from(job)
    assert TrainingJob(data="torchvision:CIFAR10").changes_from(
        TrainingJob(data="torchvision:MNIST")
    )
    assert TrainingJob(data="no folder").changes_from(job)


def test_fewer_epochs_than_none_are_refused() -> None:
    with pytest.raises(SupernetError, match="epochs >= 0"):
        TrainingJob(epochs=-1)


@pytest.mark.parametrize(
    ("num_images", "epochs"), [(20, 60), (937, 60), (2_625, 30), (8_000, 10), (1_281_167, 5)]
)
def test_epochs_that_are_left_open_suit_the_number_of_images(num_images: int, epochs: int) -> None:
    assert TrainingJob(epochs=0).with_epochs(num_images).epochs == epochs
    assert TrainingJob(epochs=7).with_epochs(num_images).epochs == 7
