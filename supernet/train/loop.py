"""The training loop: one step after another, restartable at each.

What a step does depends only on the job, the step's number and the state so far: batches, configs
and random numbers are functions of (seed, step). So a run that was killed and goes on from its
last state ends with the same weights, bit for bit on a CPU with the same number of threads.
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
from supernet.evaluate.accuracy import Images, corners, selection_top1
from supernet.job.execution import Execution
from supernet.job.training_job import TrainingJob
from supernet.space import SubnetConfig
from supernet.train.metrics import Metrics
from supernet.train.process_group import Team
from supernet.train.state import State, read_about
from supernet.train.step import Done, Step
from supernet.train.stop import Stop, Stopped

SHOW_EVERY_S = 1.0


class Loop:
    """One training run, from `step` on; `run` is its folder.

    Mutates the supernet's parameters. `network(images, config)` computes logits, `supernet` itself
    or a compiled form of it.
    """

    def __init__(
        self,
        supernet: Supernet,
        data: Data,
        job: TrainingJob,
        run: Path,
        execution: Execution,
        team: Team,
        network: Callable[[Tensor, SubnetConfig], Tensor],
    ) -> None:
        self.supernet, self.data, self.job, self.run = supernet, data, job, run
        self.execution, self.team = execution, team
        self.do = Step(supernet, network, data, job, team)
        names = job.recipe.subnet_names
        self.epoch_losses = torch.zeros(len(names), dtype=torch.float64)
        self.state = State(
            supernet.model, self.do.optimizer, self.do.ema, self.do.scaler, self.epoch_losses
        )
        self.steps_per_epoch = data.num_steps(job.hyperparameters.batch_size)
        self.corners = corners(supernet.space) if execution.evaluate_every else []
        self.images = Images(data, self.do.device)
        self.state_path = run / "supernet" / "last" / "state.safetensors"
        self.metrics = Metrics(
            run / "supernet",
            [f"loss_{name}" for name in names] + [f"top1_{c.config_id}" for c in self.corners],
            tensorboard=execution.tensorboard and team.is_first,
        )
        self.saved_at = self.shown_at = time.monotonic()

    @property
    def step(self) -> int:
        """Steps done."""
        return self.state.step

    def train(self) -> None:
        """Train to the end. The weights are then those that the run ends with.

        Raises SupernetError when a loss or a gradient is not finite, and Stopped, with the state
        saved, when a signal asked for it.
        """
        self.supernet.train()
        self.save()  # a folder that cannot be written to is found out now, not in an hour
        if self.team.is_first:
            self.metrics.begin(self.step)
        with self._bar() as bar, Stop() as stop:
            while self.step < self.do.num_steps:
                for images, labels in self.batches():
                    done = self.one_step(images, labels, stop=stop.signal_number > 0)
                    self._show(bar, done)
                    if done.asked_to_stop:
                        self.save()
                        raise Stopped(stop.signal_number or signal.SIGTERM)
                    if time.monotonic() - self.saved_at >= self.execution.save_every_s:
                        self.save()
        self.do.ema.put()
        self.metrics.close()

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """What is left of the epoch: this process's part of each batch."""
        epoch, start = divmod(self.step, self.steps_per_epoch)
        hyper = self.job.hyperparameters
        return self.data.train_batches(
            batch_size=hyper.batch_size,
            epoch=epoch,
            seed=self.job.seed,
            start_step=start,
            augment=hyper.augment,
            colour_jitter=hyper.colour_jitter,
            part=(self.team.rank, self.team.size),
        )

    def one_step(self, images: Tensor, labels: Tensor, *, stop: bool) -> Done:
        """One batch, and what follows an epoch's last one."""
        done = self.do(self.step, images, labels, stop=stop)
        self.epoch_losses += torch.tensor(done.losses, dtype=torch.float64)
        self.state.step += 1
        if self.step % self.steps_per_epoch == 0:
            self._end_epoch(done.lr)
        return done

    def _end_epoch(self, lr: float) -> None:
        """One row of metrics; every process looks at the corners, so that BN stays in step."""
        epoch = self.step // self.steps_per_epoch
        means = (self.epoch_losses / self.steps_per_epoch).tolist()
        self.epoch_losses.zero_()
        names = self.job.recipe.subnet_names
        values = {f"loss_{name}": mean for name, mean in zip(names, means, strict=True)}
        every = self.execution.evaluate_every
        if every and (epoch % every == 0 or epoch == self.job.epochs):
            with self.do.ema.in_place():
                scores = selection_top1(self.supernet, self.corners, self.images)
            values |= {f"top1_{config_id}": score.top1 for config_id, score in scores.items()}
        if self.team.is_first:
            self.metrics.add(epoch, self.step, lr, values)

    def _bar(self) -> Any:
        return tqdm(
            total=self.do.num_steps,
            initial=self.step,
            desc="train",
            unit="step",
            mininterval=SHOW_EVERY_S,
            disable=not self.team.is_first,
        )

    def _show(self, bar: Any, done: Done) -> None:
        bar.update()
        if time.monotonic() - self.shown_at >= SHOW_EVERY_S and not bar.disable:
            self.shown_at = time.monotonic()
            rate = (bar.format_dict["rate"] or 0) * self.job.hyperparameters.batch_size
            text = f"loss {done.losses[0]:.3f}, lr {done.lr:.3g}, {rate:.0f} images/s"
            bar.set_postfix_str(text, refresh=False)

    def save(self) -> None:
        """Write the state from which `resume` goes on."""
        if self.team.is_first:
            about = {"job": self.job.to_json(), "data": self.data.describe()}
            self.state.write(self.state_path, about)
        self.saved_at = time.monotonic()

    def resume(self) -> None:
        """Go on from the saved state; raise CheckpointError if it is damaged or another job's."""
        about = read_about(self.state_path)
        differences = self.job.differences(TrainingJob.from_json(about["job"]))
        if differences:
            raise CheckpointError(
                "a training goes on with the arguments it began with, but got "
                f"{'; '.join(differences)}"
            )
        self.data.check_same(about["data"])
        self.state.read(self.state_path)
