"""Step: one optimiser step on one batch."""

import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Never

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from supernet.data.preprocess import normalise, resize
from supernet.elastic.supernet import Supernet
from supernet.errors import SupernetError
from supernet.job.hyperparameters import Hyperparameters
from supernet.job.training_job import TrainingJob
from supernet.seeding import seed_generators
from supernet.space import SubnetConfig
from supernet.train.depthwise import FastDepthwise
from supernet.train.ema import Ema
from supernet.train.mixing import mix
from supernet.train.mutual import Losses, mutual_step
from supernet.train.optimizer import learning_rate, make_optimizer, set_learning_rate
from supernet.train.process_group import ProcessGroup
from supernet.train.sampling import sandwich, width_pool
from supernet.train.step_graphs import Recorder, StepGraphs
from supernet.train.sync_batch_norm import SyncBatchNorm

MIN_LOSS_SCALE = 2.0**-8
"""GradScaler begins at 2^16 and halves the scale at each overflow; a gradient that overflows
float16 even at this scale is not finite in any."""


@dataclass(frozen=True, kw_only=True)
class StepResult:
    """What a step computed."""

    losses: list[float]
    """Loss of each subnet, averaged over the batch and all processes."""
    lr: float
    """Learning rate of the step."""
    stop_requested: bool
    """Whether any process was asked to stop."""
    skipped: bool
    """Whether float16 overflowed, so that no weight changed."""


class Step:
    """Forward and backward passes of all subnets, one all-reduce, one optimiser step.

    Args:
        supernet: its parameters are what is trained.
        network: `network(images, config)` computes logits: `supernet` or a compiled form of it.
        job: recipe, hyperparameters and seed.
        group: the processes that share each batch.
        num_steps: steps in the whole training, for the learning-rate schedule.
        class_counts: training images of each class; there are as many logits.
        mean, std: normalisation of each channel, for images in 0..1.
        recorder: all steps but the first replay what it has recorded; None: none does.
        depthwise_kernels: whether those of `DepthwiseOnGpu` replace PyTorch's.

    Raises:
        SupernetError: processes and accumulation do not divide the batch, or leave BN one image.
    """

    def __init__(
        self,
        supernet: Supernet,
        network: Callable[[Tensor, SubnetConfig], Tensor],
        job: TrainingJob,
        group: ProcessGroup,
        *,
        num_steps: int,
        class_counts: list[int],
        mean: tuple[float, ...],
        std: tuple[float, ...],
        recorder: Recorder | None = None,
        depthwise_kernels: bool = False,
    ) -> None:
        self.supernet, self.network, self.job, self.group = supernet, network, job, group
        self.hyper = job.hyperparameters
        self.on_gpu = _depthwise_on_gpu() if depthwise_kernels else None
        _check_parts(supernet, self.hyper, group.size)
        self.num_steps, self.num_classes = num_steps, len(class_counts)
        self.device = next(supernet.parameters()).device
        self.mean, self.std = (torch.tensor(each, device=self.device) for each in (mean, std))
        is_balanced = self.hyper.class_weights == "balanced"
        self.learn_from = Losses(
            distillation=job.recipe.distillation,
            label_smoothing=self.hyper.label_smoothing,
            class_weights=balanced(class_counts).to(self.device) if is_balanced else None,
        )
        self.optimizer = make_optimizer(supernet, job)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.hyper.dtype == "float16")
        self.ema = Ema(supernet.model, self.hyper.ema_decay)
        self.parameters = list(supernet.parameters())
        self.pool = width_pool(supernet.space, job.recipe, job.seed)
        self.graphs = None if recorder is None else self._graphs(recorder)
        self.has_gradients = False
        """Whether a plain step has left gradients, which graphs add to."""

    def __call__(self, step: int, images: Tensor, labels: Tensor, *, stop: bool) -> StepResult:
        """Do step number `step` on this process's part of its batch.

        Raises SupernetError when a loss or a gradient is not finite; the weights stay unchanged.
        """
        rng = random.Random(f"{self.job.seed} {step}")
        seed = rng.getrandbits(62)
        # Layers that are skipped at random are to be skipped in all processes where BN, which is
        # synchronised, waits for the others.
        seed_generators(seed if self.hyper.sync_bn else seed + self.group.rank)
        configs = sandwich(self.supernet.space, self.job.recipe, rng, self.pool)
        lr = learning_rate(self.hyper, step, self.num_steps)
        set_learning_rate(self.optimizer, lr)
        losses = self.gradients(images, labels, configs)
        numbers = torch.cat([losses, losses.new_tensor([float(stop)])])
        # Now, since `train` and `forward` of a network may freeze and unfreeze its layers.
        trained = [p for p in self.parameters if p.requires_grad]
        self.group.average_gradients(trained, numbers)
        *values, any_stop = numbers.tolist()
        for value, config in zip(values, configs, strict=True):
            if not abs(value) < float("inf"):
                _refuse(f"loss must stay finite, but got {value}", step, [config])
        skipped = not self._update(step, configs)
        return StepResult(losses=values, lr=lr, stop_requested=any_stop > 0, skipped=skipped)

    def gradients(self, images: Tensor, labels: Tensor, configs: list[SubnetConfig]) -> Tensor:
        """Set `.grad` to the sum of all subnets' gradients; return the mean loss of each subnet."""
        graphs = self.graphs if self.has_gradients else None
        self.optimizer.zero_grad(set_to_none=graphs is None)
        num_parts = self.hyper.accumulate
        losses = torch.zeros(len(configs), device=self.device)
        for part in zip(images.chunk(num_parts), labels.chunk(num_parts), strict=True):
            pixels, targets = (tensor.to(self.device, non_blocking=True) for tensor in part)
            pixels, targets = mix(pixels, targets, self.num_classes, self.hyper)
            if graphs is not None:
                losses += torch.stack(graphs(pixels, targets, configs)) / num_parts
                continue
            with self._precision():
                of_part = mutual_step(
                    self.network,
                    targets,
                    configs,
                    cache(lambda side, pixels=pixels: self._images_at(pixels, side)),
                    learn_from=self.learn_from,
                    backward=self._backward,
                )
            losses += torch.stack(of_part) / num_parts
        self.has_gradients = True
        return losses

    def _graphs(self, recorder: Recorder) -> StepGraphs:
        return StepGraphs(
            self.supernet,
            self.network,
            self.learn_from,
            num_classes=self.num_classes,
            images_at=self._images_at,
            backward=self._backward,
            context=self._precision,
            recorder=recorder,
        )

    def _backward(self, loss: Tensor) -> None:
        self.scaler.scale(loss / self.hyper.accumulate).backward()

    @contextmanager
    def _precision(self) -> Iterator[None]:
        """The number type and kernels of a step."""
        dtype = getattr(torch, self.hyper.dtype)
        narrow = dtype != torch.float32
        # A graph would read cached weights, which lie elsewhere in the next step.
        cached = self.graphs is None
        with (
            self._kernels(),
            torch.autocast(self.device.type, dtype, enabled=narrow, cache_enabled=cached),
        ):
            yield

    @contextmanager
    def _kernels(self) -> Iterator[None]:
        """Replace functions that layers call, within a step only; the layers do not change."""
        with ExitStack() as stack:
            if self.device.type == "cpu":
                stack.enter_context(FastDepthwise())
            if self.on_gpu is not None:
                stack.enter_context(self.on_gpu)
            if self.hyper.sync_bn and self.group.size > 1:
                stack.enter_context(SyncBatchNorm())
            yield

    def _images_at(self, images: Tensor, side: int) -> Tensor:
        return normalise(resize(images, side), self.mean, self.std)

    def _update(self, step: int, configs: list[SubnetConfig]) -> bool:
        """Update the weights, the loss scale and the moving averages.

        Returns False where float16 overflowed and the weights stay.
        """
        self.scaler.unscale_(self.optimizer)
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients, foreach=True)
        finite = bool(torch.isfinite(norm))
        if not finite:
            if not self.scaler.is_enabled():
                _refuse(f"gradient must stay finite, but its norm is {norm.item()}", step, configs)
            if (scale := self.scaler.get_scale()) < MIN_LOSS_SCALE:
                what = f"gradient must be finite in float16 at a loss scale of {scale:.2g}"
                _refuse(f"{what}, but its norm is {norm.item()}", step, configs)
        if self.hyper.clip_norm is not None:
            torch.nn.utils.clip_grads_with_norm_(
                self.parameters, self.hyper.clip_norm, norm, foreach=True
            )
        self.scaler.step(self.optimizer)  # skipped where float16 overflowed
        self.scaler.update()
        self.ema.update(step)
        return finite


def _depthwise_on_gpu() -> AbstractContextManager[object]:
    """Raises SupernetError where Triton is not installed."""
    try:
        from supernet.train.depthwise_on_gpu import DepthwiseOnGpu
    except ImportError as error:
        raise SupernetError(
            f"--depthwise-kernels needs the package triton, but got: {error}; leave it out"
        ) from error
    return DepthwiseOnGpu()


def balanced(class_counts: list[int]) -> Tensor:
    """Weights of the classes' losses, so that all classes count alike: float32 (classes,).

    Their average over the images is 1; a class without images has weight 0.
    """
    counts = torch.tensor(class_counts, dtype=torch.float32)
    present = (counts > 0).sum()
    return torch.where(counts > 0, counts.sum() / (present * counts), 0.0)


def _refuse(what: str, step: int, configs: list[SubnetConfig]) -> Never:
    ids = " + ".join(config.config_id for config in configs)
    raise SupernetError(
        f"the {what} at step {step} for {ids}: lower lr or set clip_norm, and add --resume to "
        "go on from the last saved state"
    )


def _check_parts(supernet: Supernet, hyper: Hyperparameters, num_processes: int) -> None:
    """Raise SupernetError unless all parts of a batch are equal, and BN has a variance in each."""
    num_parts = num_processes * hyper.accumulate
    if hyper.batch_size % num_parts:
        raise SupernetError(
            f"batch_size must be a multiple of {num_parts} (processes x accumulate), "
            f"but got {hyper.batch_size}"
        )
    seen = hyper.batch_size // (hyper.accumulate if hyper.sync_bn else num_parts)
    if seen == 1 and any(isinstance(layer, _BatchNorm) for layer in supernet.modules()):
        raise SupernetError(
            "BN layers must see 2 images at a time or more, but batch_size / (processes x "
            f"accumulate) is 1: raise batch_size {hyper.batch_size} or lower accumulate"
        )
