"""The training loop: one step after another, restartable at each.

What a step does depends only on the job, the step's number and the state so far: batches, configs
and random numbers are functions of (seed, step). So a run that was killed and goes on from its
last state ends with the same weights, bit for bit on a CPU with the same number of threads.
"""

import math
import random
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Never

import torch
from torch import Tensor
from tqdm import tqdm

from supernet.checkpoint import read_tensors, write_tensors
from supernet.data import Data
from supernet.errors import CheckpointError, SupernetError
from supernet.job import TrainingJob
from supernet.mutual import mutual_step
from supernet.preprocess import normalise, resize
from supernet.recipe import Recipe
from supernet.sampling import sandwich
from supernet.space import SubnetConfig
from supernet.supernet import Supernet


def learning_rate(recipe: Recipe, step: int, num_steps: int) -> float:
    """The rate of step 0 .. num_steps-1: a linear warm-up times a cosine that falls to 0."""
    warmup_steps = recipe.warmup_fraction * num_steps
    warmup = min(1.0, (step + 1) / warmup_steps) if warmup_steps else 1.0
    return recipe.lr * warmup * 0.5 * (1 + math.cos(math.pi * step / num_steps))


def make_optimizer(supernet: Supernet, recipe: Recipe) -> torch.optim.SGD:
    """SGD with Nesterov momentum; weight decay on dense convolutions and linear layers only."""
    parameters = list(supernet.model.parameters())
    dense = [p for p in parameters if p.dim() > 1 and p.shape[1] > 1]
    others = [p for p in parameters if not (p.dim() > 1 and p.shape[1] > 1)]
    groups = [
        {"params": dense, "weight_decay": recipe.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.SGD(groups, lr=recipe.lr, momentum=recipe.momentum, nesterov=True)


class Loop:
    """One training run, from `step` on; `run` is its folder.

    Mutates the supernet's parameters. `save_every_s` is the time between two saved states.
    """

    def __init__(
        self,
        supernet: Supernet,
        data: Data,
        job: TrainingJob,
        run: Path,
        *,
        save_every_s: float,
    ) -> None:
        self.supernet, self.data, self.job, self.run = supernet, data, job, run
        self.optimizer = make_optimizer(supernet, job.recipe)
        self.steps_per_epoch = data.num_steps(job.recipe.batch_size)
        self.num_steps = self.steps_per_epoch * job.epochs
        self.step = 0
        self.epoch_losses = torch.zeros(2 + job.recipe.num_random, dtype=torch.float64)
        self.save_every_s = save_every_s
        self.state_path = run / "supernet" / "last" / "state.safetensors"
        self.metrics = Metrics(run / "supernet" / "metrics.csv", job.recipe.num_random)

    def train(self) -> None:
        """Train to the end; raises SupernetError when a loss is not finite."""
        self.supernet.train()
        self.save()  # a folder that cannot be written to is found out now, not in an hour
        self.metrics.keep_until(self.step)
        saved_at = time.monotonic()
        with tqdm(
            total=self.num_steps, initial=self.step, desc="train", unit="step", mininterval=1.0
        ) as bar:
            try:
                while self.step < self.num_steps:
                    epoch, start = divmod(self.step, self.steps_per_epoch)
                    for images, labels in self.data.train_batches(
                        batch_size=self.job.recipe.batch_size,
                        epoch=epoch,
                        seed=self.job.seed,
                        start_step=start,
                    ):
                        self.one_step(images, labels, bar)
                        if time.monotonic() - saved_at >= self.save_every_s:
                            self.save()
                            saved_at = time.monotonic()
            except KeyboardInterrupt:
                self.save()
                raise

    def one_step(self, images: Tensor, labels: Tensor, bar: "tqdm[Never]") -> None:
        """One batch: forward and backward of all subnets, one optimiser step."""
        job, device = self.job, next(self.supernet.parameters()).device
        rng = random.Random(f"{job.seed} {self.step}")
        torch.manual_seed(rng.getrandbits(63))
        lr = learning_rate(job.recipe, self.step, self.num_steps)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        images, labels = images.to(device), labels.to(device)
        configs = sandwich(self.supernet.space, job.recipe.num_random, rng)
        self.optimizer.zero_grad()
        losses = mutual_step(
            self.supernet,
            labels,
            configs,
            lambda side: normalise(resize(images, side), self.data.mean, self.data.std),
        )
        self._check_finite(losses, configs)
        self.optimizer.step()
        self.step += 1
        self.epoch_losses += torch.stack(losses).double().cpu()
        bar.update()
        if self.step % self.steps_per_epoch == 0:
            means = (self.epoch_losses / self.steps_per_epoch).tolist()
            self.epoch_losses.zero_()
            self.metrics.add(self.step // self.steps_per_epoch, self.step, lr, means)
            bar.set_postfix(loss=f"{means[0]:.3f}", refresh=False)

    def _check_finite(self, losses: list[Tensor], configs: list[SubnetConfig]) -> None:
        for loss, config in zip(losses, configs, strict=True):
            if not torch.isfinite(loss):
                raise SupernetError(
                    f"the loss must stay finite, but got {loss.item()} at step {self.step} for "
                    f"{config.config_id}: lower --lr (the last saved state is kept)"
                )

    def save(self) -> None:
        """Write the state from which `resume` goes on."""
        tensors = {f"model.{name}": t for name, t in self.supernet.model.state_dict().items()}
        for name, parameter in self.supernet.model.named_parameters():
            if parameter in self.optimizer.state:
                tensors[f"momentum.{name}"] = self.optimizer.state[parameter]["momentum_buffer"]
        tensors["epoch_losses"] = self.epoch_losses
        write_tensors(self.state_path, tensors, self._note())

    def resume(self) -> None:
        """Go on from the saved state; raise CheckpointError if it is damaged or another job's."""
        tensors, note = read_tensors(self.state_path)
        mine, theirs = self._note(), note
        changed = [
            f"{key}: {theirs.get(key)} then, {mine[key]} now"
            for key in mine
            if key != "step" and theirs.get(key) != mine[key]
        ]
        if changed:
            raise CheckpointError(
                f"a training goes on with the arguments it began with, but got {'; '.join(changed)}"
            )
        try:
            self.supernet.model.load_state_dict(_with_prefix(tensors, "model."))
        except RuntimeError as error:
            raise CheckpointError(f"{self.state_path} must fit the model, but does not") from error
        momentum = _with_prefix(tensors, "momentum.")
        for name, parameter in self.supernet.model.named_parameters():
            if name in momentum:
                buffer = torch.empty_like(parameter).copy_(momentum[name])
                self.optimizer.state[parameter]["momentum_buffer"] = buffer
        self.epoch_losses.copy_(tensors["epoch_losses"])
        self.step = note["step"]

    def _note(self) -> dict[str, object]:
        return {**self.job.to_json(), "data": self.data.describe(), "step": self.step}


class Metrics:
    """metrics.csv: one row an epoch."""

    def __init__(self, path: Path, num_random: int) -> None:
        self.path = path
        subnets = ["full", "narrowest", *(f"random{i + 1}" for i in range(num_random))]
        self.header = ",".join(["epoch", "step", "lr", *(f"loss_{name}" for name in subnets)])

    def keep_until(self, step: int) -> None:
        """Drop the rows of steps that a resumed run will do again."""
        rows = self.path.read_text().splitlines()[1:] if self.path.exists() else []
        kept = [row for row in rows if int(row.split(",")[1]) <= step]
        self.path.write_text("\n".join([self.header, *kept]) + "\n")

    def add(self, epoch: int, step: int, lr: float, losses: list[float]) -> None:
        """Append one epoch's means."""
        values = [str(epoch), str(step), f"{lr:.6g}", *(f"{loss:.6g}" for loss in losses)]
        with self.path.open("a") as file:
            file.write(",".join(values) + "\n")


def _with_prefix(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
