from dataclasses import replace

import pytest
import torch

from supernet.elastic.supernet import Supernet
from supernet.job.hyperparameters import Hyperparameters
from supernet.job.training_job import TrainingJob
from supernet.models import MobileNetV1
from supernet.space import SearchSpace
from supernet.train.optimizer import learning_rate, make_optimizer, set_learning_rate


def test_the_learning_rate_warms_up_and_falls_to_nothing() -> None:
    hyper = Hyperparameters(lr=0.4, warmup_fraction=0.1)
    rates = [learning_rate(hyper, step, 100) for step in range(100)]
    assert rates[0] == pytest.approx(0.04)
    assert max(rates) == pytest.approx(0.4, rel=0.05)
    assert rates[-1] < 0.001
    assert rates[9:] == sorted(rates[9:], reverse=True)
    flat = replace(hyper, warmup_fraction=0.0)
    assert learning_rate(flat, 50, 100) == pytest.approx(0.2)  # half of a cosine


def test_weight_decay_falls_on_dense_convolutions_and_the_classifier_only() -> None:
    model = MobileNetV1(10)
    supernet = Supernet(model, torch.empty(1, 3, 32, 32), SearchSpace(resolutions=(32,)))
    job = TrainingJob(
        model="mobilenet_v1", model_options={}, hyperparameters=Hyperparameters(weight_decay=1e-3)
    )
    decayed, others = make_optimizer(supernet, job).param_groups
    names = {id(p): name for name, p in model.named_parameters()}
    dense = {names[id(p)] for p in decayed["params"]}
    assert others["weight_decay"] == 0
    assert decayed["weight_decay"] == job.hyperparameters.weight_decay
    assert "features.0.weight" in dense  # the stem
    assert "features.3.weight" not in dense  # depthwise
    assert "features.6.weight" in dense  # pointwise
    assert "classifier.weight" in dense
    assert "classifier.bias" not in dense
    assert len(decayed["params"]) + len(others["params"]) == len(names)
    everywhere = replace(job, hyperparameters=replace(job.hyperparameters, decay_all=True))
    (group,) = make_optimizer(supernet, everywhere).param_groups
    assert group["weight_decay"] == 1e-3


@pytest.mark.parametrize("body_lr", [1.0, 0.1])
def test_the_body_has_a_learning_rate_of_its_own(body_lr: float) -> None:
    job = TrainingJob(
        model="mobilenet_v1", model_options={}, hyperparameters=Hyperparameters(body_lr=body_lr)
    )
    model = MobileNetV1(7)
    supernet = Supernet(model, torch.empty(1, 3, 32, 32), SearchSpace(resolutions=(32,)))
    optimizer = make_optimizer(supernet, job)
    set_learning_rate(optimizer, 0.5)
    names = {id(p): name for name, p in model.named_parameters()}
    rates = {names[id(p)]: g["lr"] for g in optimizer.param_groups for p in g["params"]}
    heads = {"classifier.weight", "classifier.bias"}
    assert rates == {name: 0.5 if name in heads else 0.5 * body_lr for name in names.values()}


def test_one_cycle_rises_and_falls_by_half_waves() -> None:
    hyper = Hyperparameters(lr=0.4, warmup_fraction=0.3, schedule="one_cycle")
    rates = [learning_rate(hyper, step, 100) for step in range(100)]
    assert rates[:30] == sorted(rates[:30])
    assert rates[30] == pytest.approx(0.4)
    assert rates[14] == pytest.approx(0.2)
    assert rates[65] == pytest.approx(0.2)
    assert rates[-1] < 0.001
