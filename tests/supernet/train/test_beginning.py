from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from supernet.checkpoint import load_supernet
from supernet.data import Data
from supernet.errors import SupernetError
from supernet.job.hyperparameters import Hyperparameters
from supernet.job.training_job import TrainingJob
from supernet.space import SearchSpace
from supernet.train import train
from supernet.train.beginning import freeze, new_supernet

TINY = TrainingJob(
    model_options={"depth": 10, "widen": 1, "stem_stride": 2},
    space=SearchSpace(resolutions=(12, 8)),
    hyperparameters=Hyperparameters(batch_size=100),
    epochs=1,
)


def test_frozen_layers_stay_as_they_were(data: Data, tmp_path: Path) -> None:
    job = replace(TINY, freeze=("stem", "blocks.0"))
    before = new_supernet(job, data, resumes=False)
    after = train(job, tmp_path, data=data)
    was = dict(before.model.named_parameters())
    for name, parameter in after.model.named_parameters():
        frozen = name.startswith(("stem.", "blocks.0."))
        assert torch.equal(parameter, was[name]) == frozen, name
    assert load_supernet(tmp_path)[1]["job"]["freeze"] == list(job.freeze)


def test_a_shared_parameter_is_frozen_by_any_of_its_names() -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    model[1].weight = model[0].weight
    freeze(model, ["1.weight"])
    assert [name for name, p in model.named_parameters() if not p.requires_grad] == ["0.weight"]


@pytest.mark.parametrize(
    ("freeze", "words"),
    [
        (("ste",), "'ste' is none: choose among stem, "),
        (("stem", "blocks", "norm", "classifier"), "leave something to train"),
    ],
)
def test_what_cannot_be_frozen_is_refused(
    freeze: tuple[str, ...], words: str, data: Data, tmp_path: Path
) -> None:
    with pytest.raises(SupernetError, match=words):
        train(replace(TINY, freeze=freeze), tmp_path, data=data)
    assert not (tmp_path / "supernet" / "last").exists()
