"""On the CPU: a recorder that remembers the work stands for CUDA's."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from itertools import count
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor

from supernet.data.dataset import Data, load_data
from supernet.elastic.supernet import Supernet
from supernet.errors import SupernetError
from supernet.job.hyperparameters import Hyperparameters
from supernet.job.recipe import RECIPES
from supernet.job.training_job import TrainingJob
from supernet.models import WideResNet
from supernet.space import SearchSpace, SubnetConfig
from supernet.train import step_graphs
from supernet.train.process_group import ProcessGroup
from supernet.train.step import Step
from supernet.train.step_graphs import WARM_UP_RUNS, CudaRecorder, Recorder

SPACE = SearchSpace(resolutions=(12, 8), widths=(0.25, 0.5, 1.0))
JOB = TrainingJob(space=SPACE, epochs=1, recipe=replace(RECIPES["mutual_hard_soft"], num_random=2))


class Remembered:
    """Warms up as CUDA's recorder does, so that what must be restored after it shows."""

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        for _ in range(WARM_UP_RUNS):
            work()
        return work


@pytest.fixture(scope="module")
def data() -> Data:
    return load_data("fashion-mnist-mini", resolution=12)


def make(
    data: Data, recorder: Recorder | None, hyper: Hyperparameters, device: str = "cpu"
) -> Step:
    torch.manual_seed(0)
    model = WideResNet(10, depth=10, widen=1, stem_stride=2)
    supernet = Supernet(model, torch.empty(1, 3, 12, 12), SPACE).train()
    supernet.to(device=device)
    return Step(
        supernet,
        supernet,
        replace(JOB, hyperparameters=hyper),
        ProcessGroup(),
        num_steps=10,
        class_counts=data.class_counts["train"],
        mean=data.mean,
        std=data.std,
        recorder=recorder,
    )


def trained(step: Step, data: Data, num_steps: int) -> tuple[list[float], list[Tensor]]:
    """The losses of all steps; the weights and BN statistics after them."""
    batches = data.train_batches(batch_size=step.hyper.batch_size, epoch=0, seed=0)
    losses = []
    for number, (images, labels) in zip(range(num_steps), batches, strict=False):
        losses += step(number, images, labels, stop=False).losses
    return losses, [tensor.cpu() for tensor in step.supernet.state_dict().values()]


HYPERS = [
    Hyperparameters(batch_size=32),
    Hyperparameters(batch_size=32, accumulate=2, class_weights="balanced", clip_norm=1.0),
    Hyperparameters(batch_size=32, dtype="bfloat16", mixup=0.2),
]


@pytest.mark.parametrize("hyper", HYPERS, ids=["plain", "parts", "bfloat16"])
def test_recorded_steps_train_what_plain_ones_do(data: Data, hyper: Hyperparameters) -> None:
    plain, recorded = make(data, None, hyper), make(data, Remembered(), hyper)
    expected, got = trained(plain, data, 6), trained(recorded, data, 6)
    torch.testing.assert_close(got, expected, rtol=0, atol=0)
    assert recorded.graphs is not None
    assert recorded.graphs.num_recorded > 3


def test_a_config_is_recorded_once(data: Data) -> None:
    step = make(data, Remembered(), HYPERS[0])
    images, labels = next(data.train_batches(batch_size=32, epoch=0, seed=0))
    configs = [SPACE.largest, SPACE.smallest, SPACE.largest, SPACE.smallest]
    losses = [step.gradients(images, labels, configs) for _ in range(3)]
    torch.testing.assert_close(losses[1:], [losses[0], losses[0]])
    assert step.graphs is not None
    assert step.graphs.num_recorded == 3  # the largest as a teacher, and as one that learns


def test_graphs_that_were_replayed_last_are_kept(
    data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step_graphs, "MAX_GRAPHS", 2)
    step = make(data, Remembered(), HYPERS[0])
    images, labels = next(data.train_batches(batch_size=32, epoch=0, seed=0))
    other = SPACE.uniform(0.5, 8)
    for configs in ([SPACE.largest], [SPACE.largest, SPACE.smallest], [SPACE.largest, other]):
        step.gradients(images, labels, configs)
    assert step.graphs is not None
    assert [config for config, _ in step.graphs._graphs] == [SPACE.largest, other]


def test_gradients_that_lie_elsewhere_are_recorded_anew(data: Data) -> None:
    step = make(data, Remembered(), HYPERS[0])
    images, labels = next(data.train_batches(batch_size=32, epoch=0, seed=0))
    for _ in range(2):
        step.gradients(images, labels, [SPACE.largest])
    for parameter in step.parameters:
        parameter.grad = torch.zeros_like(parameter)
    step.gradients(images, labels, [SPACE.largest])
    assert step.graphs is not None
    assert step.graphs.num_recorded == 2


def test_a_step_that_reaches_other_parameters_is_refused(data: Data) -> None:
    step = make(data, Remembered(), HYPERS[0])
    images, labels = next(data.train_batches(batch_size=32, epoch=0, seed=0))
    step.gradients(images, labels, [SPACE.largest])
    step.parameters[0].grad = None
    with pytest.raises(SupernetError, match="must reach the same parameters, but w1-r12"):
        step.gradients(images, labels, [SPACE.largest])


def test_what_cannot_be_recorded_is_told_and_not_what_followed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    @contextmanager
    def recording(*_: object, **__: object) -> Iterator[None]:
        try:
            yield
        finally:  # as torch.cuda.graph
            raise RuntimeError("operation failed due to a previous error during capture")

    stream = SimpleNamespace(wait_stream=lambda _: None)
    cuda = SimpleNamespace(
        graph_pool_handle=lambda: (0, 0),
        Stream=lambda: stream,
        current_stream=lambda: stream,
        stream=lambda _: nullcontext(),
        CUDAGraph=lambda: None,
        graph=recording,
    )
    monkeypatch.setattr(torch, "cuda", cuda)
    runs = count()

    def work() -> None:
        if next(runs) == WARM_UP_RUNS:
            raise RuntimeError("operation not permitted when stream is capturing\nCompile with")

    with pytest.raises(SupernetError, match="not permitted when stream is capturing; leave"):
        CudaRecorder().record(work)


@pytest.mark.parametrize("draw", [random.random, np.random.rand])
def test_layers_that_chance_on_the_host_skips_are_refused(
    data: Data, draw: Callable[[], float]
) -> None:
    step = make(data, Remembered(), HYPERS[0])
    images, labels = next(data.train_batches(batch_size=32, epoch=0, seed=0))
    step.gradients(images, labels, [SPACE.largest])
    network = step.supernet.forward

    def at_times(images: Tensor, config: SubnetConfig) -> Tensor:
        return network(images, config) * (1 if draw() < 0.5 else 2)

    assert step.graphs is not None
    step.graphs.network = at_times
    with pytest.raises(SupernetError, match="but w1-r12 draws some, to skip layers, say"):
        step.gradients(images, labels, [SPACE.largest])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("hyper", HYPERS[:2], ids=["plain", "parts"])
def test_cuda_graphs_train_what_plain_steps_do(data: Data, hyper: Hyperparameters) -> None:
    plain = make(data, None, hyper, "cuda")
    recorded = make(data, CudaRecorder(), hyper, "cuda")
    expected, got = trained(plain, data, 6), trained(recorded, data, 6)
    torch.testing.assert_close(got, expected, rtol=1e-3, atol=1e-4)
