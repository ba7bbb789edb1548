import json

import pytest
import torch

from supernet.elastic.supernet import Supernet
from supernet.job.presets import PRESETS
from supernet.job.training_job import TrainingJob
from supernet.models import build_model

# DESIGN section 10: epochs, batch, lr, weight decay, widths, resolutions.
PAPER = {
    "mobilenet_v1-imagenet": (250, 1024, 0.5, 1e-4, (0.25, 1.0), (224, 192, 160, 128)),
    "mobilenet_v2-imagenet": (250, 1024, 0.5, 1e-4, (0.7, 1.0), (224, 192, 160, 128)),
    "resnet50-imagenet": (120, 512, 0.2, 1e-4, (0.9, 1.0), (224, 192, 160, 128)),
    "wide_resnet-cifar": (200, 128, 0.1, 5e-4, (0.9, 1.0), (32, 28, 24, 20)),
}


@pytest.mark.parametrize("name", PAPER)
def test_a_preset_has_the_papers_values(name: str) -> None:
    job = PRESETS[name]
    hyper, space = job.hyperparameters, job.space
    got = (job.epochs, hyper.batch_size, hyper.lr, hyper.weight_decay)
    assert (*got, (space.narrowest, 1.0), space.resolutions) == PAPER[name]
    assert hyper.decay_all == (not name.startswith("mobilenet"))
    assert (hyper.schedule, hyper.warmup_fraction, hyper.momentum) == ("cosine", 0.0, 0.9)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_comes_back_from_json_and_its_network_can_be_built(name: str) -> None:
    job = PRESETS[name]
    assert TrainingJob.from_json(json.loads(json.dumps(job.to_json()))) == job
    side = job.space.resolutions[0]
    model = build_model(job.model, 10, job.model_options)
    Supernet(model, torch.empty(1, 3, side, side), job.space)
