"""Train on a Dataset of the user's own and search it, with no folder of images on disk."""

from pathlib import Path

import pytest
import torch
from torch.utils.data import Dataset

from nas.export import export
from nas.search import SearchJob, search
from supernet import Hyperparameters, SearchSpace, TrainingJob, data_from, load_supernet
from supernet.train import train

QUICK = SearchJob(num_trials=3, num_threads=1, trial_s=0.05, front_s=0.5, allow_noisy=True)


class Squares(Dataset[tuple[torch.Tensor, int]]):
    """A bright square in one of four corners; the label says which."""

    classes = ("top left", "top right", "bottom left", "bottom right")

    def __init__(self, num_images: int) -> None:
        self.num_images = num_images

    def __len__(self) -> int:
        return self.num_images

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        label = index % 4
        image = torch.rand(3, 12, 12, generator=torch.Generator().manual_seed(index)) / 2
        down, right = 6 * (label // 2), 6 * (label % 2)
        image[:, down : down + 6, right : right + 6] += 0.5
        return image, label


@pytest.mark.slow
def test_a_dataset_is_trained_searched_and_exported(tmp_path: Path) -> None:
    data = data_from(Squares(1200), report=Squares(200), resolution=12)
    job = TrainingJob(
        model_options={"depth": 10, "widen": 1, "stem_stride": 2},
        space=SearchSpace(resolutions=(12, 8)),
        hyperparameters=Hyperparameters(batch_size=100, augment="none"),
        epochs=3,
    )
    supernet = train(job, tmp_path / "run", data=data)
    table = search(supernet, data, QUICK, out=tmp_path / "run")
    assert table.supernet["data"] == "Squares"
    assert table.supernet["class_names"] == list(Squares.classes)
    assert table.provenance["training"]["epochs"] == 3
    assert table.splits["report"] == 200
    assert max(entry.accuracy.top1 for entry in table) > 0.5, "four corners; chance is 0.25"
    assert load_supernet(tmp_path / "run")[1]["weights_sha256"] == table.supernet["weights_sha256"]

    named = export(table, supernet, data, tmp_path / "release")
    assert all(
        (tmp_path / "release" / entry.artifact.file).is_file() for entry in named if entry.artifact
    )
    again = train(job, tmp_path / "run", data=data, resume=True)
    assert again.space == supernet.space, "a finished training is loaded"
