"""The training loop, which can be interrupted and resumed at every step.

A step depends only on the job, the step's number and the state: batches, configs and random numbers
are functions of (seed, step). So a run that is killed and resumed from its last state ends with the
same weights, bit for bit on a CPU with the same number of threads.
"""

import json
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing
from hashlib import sha256
from math import log
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from supernet.checkpoint import check_groups
from supernet.data.dataset import Data
from supernet.elastic.supernet import Supernet
from supernet.errors import CheckpointError, SupernetError
from supernet.evaluate.accuracy import Images, selection_top1
from supernet.job.execution import Execution
from supernet.job.summary import summary
from supernet.job.training_job import TrainingJob
from supernet.space import SubnetConfig
from supernet.train.log import Log
from supernet.train.metrics import Metrics
from supernet.train.optimizer import learning_rate
from supernet.train.patience import Patience
from supernet.train.process_group import ProcessGroup
from supernet.train.self_test import self_test
from supernet.train.state import SavedState, State, checksum, has_state, state_folder
from supernet.train.step import Step, StepResult
from supernet.train.step_graphs import CudaRecorder
from supernet.train.stop import Stop, Stopped

CHANGEABLE = (
    *(f"hyperparameters.{name}" for name in ("lr", "clip_norm", "dtype", "patience")),
    "epochs",
)
"""Fields of the job that may change when a training is resumed."""
MAX_EPOCHS_UNSEEN = 10
"""Epochs between evaluations of the corners, where nothing else is asked for."""
WINDOW = 100
"""Steps over which a loss that stays worse than guessing shows that the weights have diverged."""
LEAST_WINDOW = 10
"""As many suffice at the end of a training, which may be shorter."""
MAX_SAVING_SHARE = 0.02
"""Saves come less often than requested where they would take a larger share of the time."""


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
            class_counts=data.class_counts["train"],
            mean=data.mean,
            std=data.std,
            recorder=CudaRecorder() if execution.graphs else None,
            depthwise_kernels=execution.depthwise_kernels,
        )
        names = job.recipe.subnet_names
        self.epoch_losses = torch.zeros(len(names), dtype=torch.float64)
        self.state = State(
            supernet.model, self.step.optimizer, self.step.ema, self.step.scaler, self.epoch_losses
        )
        self.recent = deque[float](maxlen=WINDOW)
        """Losses of the full network in the last steps."""
        self.groups_sha256 = supernet.groups_digest()
        self.changes: list[dict[str, Any]] = []
        """Fields of the job that changed in a resume: step, field, from, to."""
        self.evaluate_every = execution.evaluate_every
        if self.evaluate_every is None:
            self.evaluate_every = min(MAX_EPOCHS_UNSEEN, max(1, job.epochs // 4))
        self.patience = Patience(job.hyperparameters.patience)
        if self.patience.num_epochs:
            self.evaluate_every = 1
        self.corners = supernet.space.corners if self.evaluate_every else []
        self.images = Images(data, self.step.device)
        self.state_folder = state_folder(run)
        self.metrics = Metrics(
            run / "supernet",
            [f"loss_{name}" for name in names] + [f"top1_{c.config_id}" for c in self.corners],
            tensorboard=execution.tensorboard and group.is_first,
        )
        self.saved_at, self.save_took_s = time.monotonic(), 0.0

    @property
    def num_steps_done(self) -> int:
        """How many steps have been trained."""
        return self.state.num_steps_done

    def train(self) -> None:
        """Train to the end; the model's weights are then final (the averages, if there are any).

        Raises SupernetError when a loss or a gradient is not finite or processes differ, and
        Stopped, after saving the state, when a signal requested it.
        """
        self.supernet.train()
        self.save()  # a folder that cannot be written to fails now, not in an hour
        self._check_processes()
        if self.group.is_first:
            self.metrics.begin(self.num_steps_done)
        self.log = Log(
            self.run / "supernet" / "train.log" if self.group.is_first else None,
            num_steps=self.step.num_steps,
            start=self.num_steps_done,
            batch_size=self.job.hyperparameters.batch_size,
        )
        with closing(self.log), Stop() as stop:
            self.log.line(summary(self.job))
            while not self._is_done():
                for images, labels in self.batches():
                    result = self.one_step(images, labels, stop=stop.signal_number > 0)
                    self.log.advance(self._shown(result))
                    if result.stop_requested:
                        self.save()
                        raise Stopped(stop.signal_number or signal.SIGTERM)
                    if self._is_save_due():
                        self.save()
            if self.num_steps_done < self.step.num_steps:
                self._say_why_early()
        self.save()
        self._check_steps_taken()
        self.step.ema.put()
        self._check_weights()
        self.metrics.close()

    def self_test(self) -> None:
        """Try on a few images what `train` will do; see supernet/train/self_test.py."""
        dtype, quiet = self.job.hyperparameters.dtype, not self.group.is_first
        self_test(self.supernet, len(self.data.classes), dtype, quiet=quiet)

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
        self.state.num_skipped += result.skipped
        self.recent.append(result.losses[0])
        self._check_losses()
        if self.num_steps_done % self.steps_per_epoch == 0:
            self._end_epoch(result.lr)
        return result

    def _end_epoch(self, lr: float) -> None:
        """Write one row of metrics.

        Every process evaluates: one that waited would run into NCCL's timeout on a large data set.
        """
        self._check_weights()
        epoch = self.num_steps_done // self.steps_per_epoch
        means = (self.epoch_losses / self.steps_per_epoch).tolist()
        self.epoch_losses.zero_()
        names = self.job.recipe.subnet_names
        values = {f"loss_{name}": mean for name, mean in zip(names, means, strict=True)}
        every = self.evaluate_every
        if every and (epoch % every == 0 or epoch == self.job.epochs):
            with self.step.ema.in_place():
                scores = selection_top1(self.supernet, self.corners, self.images)
            values |= {f"top1_{config_id}": score.top1 for config_id, score in scores.items()}
            top1 = sum(score.top1 for score in scores.values()) / len(scores)
            self.patience.note(epoch, self.group.gather(top1)[0])  # all must end together
            shown = ", ".join(
                f"{config_id} {score.top1:.3f}" for config_id, score in scores.items()
            )
            self.log.line(f"epoch {epoch} of {self.job.epochs}: top1 on selection {shown}")
        if self.group.is_first:
            self.metrics.add(epoch, self.num_steps_done, lr, values)

    def _is_done(self) -> bool:
        epoch, rest = divmod(self.num_steps_done, self.steps_per_epoch)
        return epoch == self.job.epochs or (not rest and self.patience.is_over(epoch))

    def _say_why_early(self) -> None:
        epoch = self.num_steps_done // self.steps_per_epoch
        hyper = self.job.hyperparameters
        lr = learning_rate(hyper, self.num_steps_done, self.step.num_steps)
        self.log.line(
            f"ends early, after epoch {epoch} of {self.job.epochs}: since epoch "
            f"{self.patience.best_epoch} the mean top1 of the corners has not risen (patience "
            f"{self.patience.num_epochs}); the learning rate is still {lr:.3g}, while the schedule"
            " ends at 0, which fewer --epochs would reach"
        )

    def _shown(self, result: StepResult) -> dict[str, str]:
        shown = {"loss": f"{result.losses[0]:.3f}", "lr": f"{result.lr:.3g}"}
        if self.state.num_skipped:
            shown["steps skipped"] = str(self.state.num_skipped)
        return shown

    def _is_save_due(self) -> bool:
        every, passed = self.execution.save_every_s, time.monotonic() - self.saved_at
        return passed >= every and (not every or passed * MAX_SAVING_SHARE >= self.save_took_s)

    def save(self) -> None:
        """Write the state from which `resume` continues."""
        start = time.monotonic()
        if self.group.is_first:
            about = {
                "job": self.job.to_json(),
                "data": self.data.describe(),
                "groups_sha256": self.groups_sha256,
                "changes": self.changes,
                "patience": self.patience.to_json(),
                "num_processes": self.group.size,
            }
            self.state.write(self.state_folder, about)
        self.saved_at = time.monotonic()
        self.save_took_s = self.saved_at - start

    def resume(self, saved: SavedState) -> None:
        """Go on from a saved state.

        Fields of `CHANGEABLE` and the number of processes may have changed: one line says so, and
        `changes` records it. Raises CheckpointError if it is of another job or model, and DataError
        if it is of other data.
        """
        changes = self.job.changes_from(saved.job)
        if fixed := [name for name in changes if name not in CHANGEABLE]:
            text = "; ".join(f"{n}: {changes[n][1]} here, {changes[n][0]} there" for n in fixed)
            raise CheckpointError(
                f"a training must be resumed with the arguments it began with, but got {text} "
                f"(of all arguments only {', '.join(CHANGEABLE)} may change)"
            )
        size_before = saved.about.get("num_processes", self.group.size)
        if size_before != self.group.size:  # each has BN statistics and random numbers of its own
            changes["num_processes"] = size_before, self.group.size
        self.data.check_same(saved.about["data"])
        check_groups(self.supernet, saved.about["groups_sha256"], saved.path)
        if saved.num_steps_done > self.step.num_steps:
            raise CheckpointError(
                f"--epochs must reach beyond step {saved.num_steps_done}, where {self.run} is, but "
                f"{self.job.epochs} end at step {self.step.num_steps}: raise it"
            )
        self.state.load(saved)
        self.patience.take(saved.about.get("patience", self.patience.to_json()))
        self.changes = [
            *saved.about["changes"],
            *(
                {"step": saved.num_steps_done, "field": name, "from": before, "to": now}
                for name, (before, now) in changes.items()
            ),
        ]
        if changes and self.group.is_first:
            step = saved.num_steps_done
            text = ", ".join(f"{name} {now} (was {was})" for name, (was, now) in changes.items())
            if "epochs" in changes:
                lr = learning_rate(self.job.hyperparameters, step, self.step.num_steps)
                text += f", with the schedule of so many, whose lr is {lr:.3g} there"
            print(
                f"from step {step} on {text}: the weights will be those of neither job alone, and "
                "the run records it",
                file=sys.stderr,
            )

    def _check_losses(self) -> None:
        """Raise SupernetError where the full network has long been much worse than guessing.

        Long is WINDOW steps, or LEAST_WINDOW up to the end of a short training.
        """
        hyper, guessing = self.job.hyperparameters, log(len(self.data.classes))
        is_warm = self.num_steps_done > hyper.warmup_fraction * self.step.num_steps
        mean, best = sum(self.recent) / len(self.recent), min(self.recent)
        is_last = self.num_steps_done == self.step.num_steps
        is_long = len(self.recent) >= (LEAST_WINDOW if is_last else WINDOW)
        if is_warm and is_long and best > guessing and mean > 3 * guessing + 1:
            clip = "" if hyper.clip_norm else " or set clip_norm"
            raise SupernetError(
                f"the loss must fall below {guessing:.2f}, that of guessing, but the last "
                f"{len(self.recent)} steps had {mean:.2f} on average and {best:.2f} at best: lower "
                f"lr (it is {hyper.lr:g}){clip}, and begin again in another --out"
            )

    def _check_processes(self) -> None:
        """Raise SupernetError unless all processes begin with the same, in the same folder."""
        data = self.data.describe()
        job = {**self.job.to_json(), "data": "", "data_root": "", "weights": ""}
        self.group.check_same(
            {
                "step": str(self.num_steps_done),
                "weights": self._weights(),
                "job": _digest(job),
                "data": _digest([data["classes"], data["splits"]]),
            },
            f"give all the same arguments, data and files in {self.run}",
        )
        seen = "a state" if has_state(self.state_folder) else "none"
        self.group.check_same(
            {"files in --out": seen}, "choose an --out in a folder that all processes share"
        )

    def _check_weights(self) -> None:
        """Raise SupernetError where processes have come to different weights."""
        self.group.check_same(
            {f"weights after step {self.num_steps_done}": self._weights()},
            "run all on equal hardware and versions; please report this if they are",
        )

    def _weights(self) -> str:
        """A checksum of all parameters; BN statistics are each process's own."""
        if self.group.size == 1:
            return ""
        parameters = dict(self.supernet.model.named_parameters())
        return f"{checksum(parameters):08x}"

    def _check_steps_taken(self) -> None:
        """Raise SupernetError where float16 overflowed in more than half of the steps."""
        if 2 * self.state.num_skipped > self.num_steps_done:
            raise SupernetError(
                f"at least half of the steps must change the weights, but in "
                f"{self.state.num_skipped} of {self.num_steps_done} float16 overflowed: "
                "set dtype=bfloat16 or lower lr, and begin again"
            )


def _digest(values: Any) -> str:
    return sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:12]
