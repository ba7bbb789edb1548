"""The training loop, which can be interrupted and resumed at every step.

A step depends only on the job, the step's number and the state: batches, configs and random numbers
are functions of (seed, step). So a run that is killed and resumed from its last state ends with the
same weights, bit for bit on a CPU with the same number of threads.
"""

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from supernet.data.dataset import Data
from supernet.elastic.supernet import Supernet
from supernet.errors import CheckpointError
from supernet.evaluate.accuracy import Images, selection_top1
from supernet.job.execution import Execution
from supernet.job.training_job import TrainingJob
from supernet.space import SubnetConfig
from supernet.train.metrics import Metrics
from supernet.train.process_group import ProcessGroup
from supernet.train.state import State, read_about, state_path
from supernet.train.step import Step, StepResult
from supernet.train.stop import Stop, Stopped

SHOW_EVERY_S = 1.0


class Loop:
    """One training run, from step `num_steps_done` on; `run` is its folder.

    Mutates the supernet's parameters. `network(images, config)` computes logits: `supernet` itself
    or a compiled form of it.
    """

    def __init__(
        self,
        supernet: Supernet,
        data: Data,
        job: TrainingJob,
        run: Path,
        execution: Execution,
        group: ProcessGroup,
        network: Callable[[Tensor, SubnetConfig], Tensor],
    ) -> None:
        self.supernet, self.data, self.job, self.run = supernet, data, job, run
        self.execution, self.group = execution, group
        self.steps_per_epoch = data.num_steps(job.hyperparameters.batch_size)
        self.step = Step(
            supernet,
            network,
            job,
            group,
            num_steps=self.steps_per_epoch * job.epochs,
            num_classes=len(data.classes),
            mean=data.mean,
            std=data.std,
        )
        names = job.recipe.subnet_names
        self.epoch_losses = torch.zeros(len(names), dtype=torch.float64)
        self.state = State(
            supernet.model, self.step.optimizer, self.step.ema, self.step.scaler, self.epoch_losses
        )
        self.corners = supernet.space.corners if execution.evaluate_every else []
        self.images = Images(data, self.step.device)
        self.state_path = state_path(run)
        self.metrics = Metrics(
            run / "supernet",
            [f"loss_{name}" for name in names] + [f"top1_{c.config_id}" for c in self.corners],
            tensorboard=execution.tensorboard and group.is_first,
        )
        self.saved_at = self.shown_at = time.monotonic()

    @property
    def num_steps_done(self) -> int:
        """How many steps have been trained."""
        return self.state.num_steps_done

    def train(self) -> None:
        """Train to the end; the model's weights are then final (the averages, if there are any).

        Raises SupernetError when a loss or a gradient is not finite, and Stopped, after saving the
        state, when a signal requested it.
        """
        self.supernet.train()
        self.save()  # a folder that cannot be written to fails now, not in an hour
        if self.group.is_first:
            self.metrics.begin(self.num_steps_done)
        with self._bar() as bar, Stop() as stop:
            while self.num_steps_done < self.step.num_steps:
                for images, labels in self.batches():
                    result = self.one_step(images, labels, stop=stop.signal_number > 0)
                    self._show(bar, result)
                    if result.stop_requested:
                        self.save()
                        raise Stopped(stop.signal_number or signal.SIGTERM)
                    if time.monotonic() - self.saved_at >= self.execution.save_every_s:
                        self.save()
        self.step.ema.put()
        self.metrics.close()

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """The rest of the epoch: this process's part of each batch."""
        epoch, start = divmod(self.num_steps_done, self.steps_per_epoch)
        hyper = self.job.hyperparameters
        return self.data.train_batches(
            batch_size=hyper.batch_size,
            epoch=epoch,
            seed=self.job.seed,
            start_step=start,
            augment=hyper.augment,
            colour_jitter=hyper.colour_jitter,
            part=(self.group.rank, self.group.size),
        )

    def one_step(self, images: Tensor, labels: Tensor, *, stop: bool) -> StepResult:
        """Train on one batch; after an epoch's last one, write its row of metrics."""
        result = self.step(self.num_steps_done, images, labels, stop=stop)
        self.epoch_losses += torch.tensor(result.losses, dtype=torch.float64)
        self.state.num_steps_done += 1
        if self.num_steps_done % self.steps_per_epoch == 0:
            self._end_epoch(result.lr)
        return result

    def _end_epoch(self, lr: float) -> None:
        """Write one row of metrics.

        Every process evaluates: one that waited would run into NCCL's timeout on a large data set.
        """
        epoch = self.num_steps_done // self.steps_per_epoch
        means = (self.epoch_losses / self.steps_per_epoch).tolist()
        self.epoch_losses.zero_()
        names = self.job.recipe.subnet_names
        values = {f"loss_{name}": mean for name, mean in zip(names, means, strict=True)}
        every = self.execution.evaluate_every
        if every and (epoch % every == 0 or epoch == self.job.epochs):
            with self.step.ema.in_place():
                scores = selection_top1(self.supernet, self.corners, self.images)
            values |= {f"top1_{config_id}": score.top1 for config_id, score in scores.items()}
        if self.group.is_first:
            self.metrics.add(epoch, self.num_steps_done, lr, values)

    def _bar(self) -> Any:
        return tqdm(
            total=self.step.num_steps,
            initial=self.num_steps_done,
            desc="train",
            unit="step",
            mininterval=SHOW_EVERY_S,
            disable=not self.group.is_first,
        )

    def _show(self, bar: Any, result: StepResult) -> None:
        bar.update()
        if time.monotonic() - self.shown_at >= SHOW_EVERY_S and not bar.disable:
            self.shown_at = time.monotonic()
            rate = (bar.format_dict["rate"] or 0) * self.job.hyperparameters.batch_size
            text = f"loss {result.losses[0]:.3f}, lr {result.lr:.3g}, {rate:.0f} images/s"
            bar.set_postfix_str(text, refresh=False)

    def save(self) -> None:
        """Write the state from which `resume` continues."""
        if self.group.is_first:
            about = {"job": self.job.to_json(), "data": self.data.describe()}
            self.state.write(self.state_path, about)
        self.saved_at = time.monotonic()

    def resume(self) -> None:
        """Load the saved state; raise CheckpointError if it is damaged or of another job."""
        about = read_about(self.state_path)
        differences = self.job.differences(TrainingJob.from_json(about["job"]))
        if differences:
            raise CheckpointError(
                "a training must be resumed with the arguments it began with, but got "
                f"{'; '.join(differences)}"
            )
        self.data.check_same(about["data"])
        self.state.read(self.state_path)
