"""One step, apart from the loop: number types, parts of a batch, messages of what is wrong."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from supernet.data.dataset import Data, load_data
from supernet.elastic.supernet import Supernet
from supernet.errors import SupernetError
from supernet.job.hyperparameters import Hyperparameters
from supernet.job.training_job import TrainingJob
from supernet.models import WideResNet
from supernet.space import SearchSpace
from supernet.train.process_group import ProcessGroup
from supernet.train.step import Step, balanced

JOB = TrainingJob(space=SearchSpace(resolutions=(12, 8)), epochs=1)


@pytest.fixture(scope="module")
def data() -> Data:
    return load_data("fashion-mnist-mini", resolution=12)


def make(
    data: Data, hyper: Hyperparameters, num_processes: int = 1, model: nn.Module | None = None
) -> Step:
    torch.manual_seed(0)
    model = model or WideResNet(10, depth=10, widen=1, stem_stride=2)
    supernet = Supernet(model, torch.empty(1, 3, 12, 12), JOB.space)
    return Step(
        supernet,
        supernet,
        replace(JOB, hyperparameters=hyper),
        ProcessGroup(size=num_processes),
        num_steps=10,
        class_counts=data.class_counts["train"],
        mean=data.mean,
        std=data.std,
    )


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_narrow_number_types_give_nearly_the_same_gradients(data: Data, dtype: str) -> None:
    images, labels = next(data.train_batches(batch_size=50, epoch=0, seed=0))
    losses, gradients = [], []
    for each in ("float32", dtype):
        step = make(data, Hyperparameters(batch_size=50, dtype=each))
        losses.append(step.gradients(images, labels, [step.supernet.space.largest]))
        step.scaler.unscale_(step.optimizer)
        gradients.append(torch.cat([p.grad.flatten() for p in step.supernet.parameters()]))  # type: ignore[union-attr]
        assert step.scaler.is_enabled() == (each == "float16")
    torch.testing.assert_close(losses[1], losses[0], rtol=0.02, atol=0.02)
    plain, narrow = gradients
    assert torch.cosine_similarity(plain, narrow, dim=0) > 0.98
    assert not torch.equal(plain, narrow)


def test_accumulated_parts_must_be_equal(data: Data) -> None:
    hyper = Hyperparameters(batch_size=500, accumulate=3)
    with pytest.raises(SupernetError, match="multiple of 3"):
        make(data, hyper)


@pytest.mark.parametrize(("num_processes", "accumulate", "batch_size"), [(1, 1, 1), (2, 3, 6)])
def test_parts_of_one_image_are_refused_where_there_is_bn(
    data: Data, num_processes: int, accumulate: int, batch_size: int
) -> None:
    hyper = Hyperparameters(batch_size=batch_size, accumulate=accumulate)
    with pytest.raises(SupernetError, match="BN layers must see 2 images at a time or more"):
        make(data, hyper, num_processes)
    make(data, replace(hyper, batch_size=2 * batch_size), num_processes)
    if num_processes > 1:  # the processes normalise together
        make(data, replace(hyper, sync_bn=True), num_processes)


def test_parts_of_one_image_are_fine_where_there_is_no_bn(data: Data) -> None:
    model = nn.Sequential(nn.Conv2d(3, 16, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    model.append(nn.Linear(16, 10))
    make(data, Hyperparameters(batch_size=1), model=model)


def test_parts_of_a_batch_add_up_to_its_gradient(data: Data) -> None:
    """Without BN in the way: the classifier's gradient of the same features."""
    images, labels = next(data.train_batches(batch_size=500, epoch=0, seed=0))
    gradients = []
    for accumulate in (1, 5):
        step = make(data, Hyperparameters(batch_size=500, accumulate=accumulate))
        step.supernet.eval()
        step.gradients(images, labels, [JOB.space.largest, JOB.space.smallest])
        gradients.append([p.grad for p in step.supernet.parameters() if p.grad is not None])
    for whole, parts in zip(*gradients, strict=True):
        torch.testing.assert_close(parts, whole, rtol=1e-3, atol=1e-5)


def test_balanced_weights_give_all_classes_the_same_share() -> None:
    weights = balanced([30, 10, 0, 60])
    torch.testing.assert_close(
        weights * torch.tensor([30, 10, 0, 60]), torch.tensor([1, 1, 0, 1]) * 100 / 3
    )
