"""State: everything needed to resume a training, in one file, and the file before it."""

import sys
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from supernet.checkpoint import START_OVER, read_tensors, write_tensors
from supernet.errors import CheckpointError
from supernet.job.training_job import TrainingJob
from supernet.train.ema import Ema
from supernet.weights import Weights, put_weights, weights_of

NEWEST, BEFORE = "state.safetensors", "before.safetensors"


@dataclass(frozen=True, kw_only=True)
class SavedState:
    """The content of a state's file."""

    path: Path
    """The file."""
    tensors: dict[str, Tensor]
    """Weights, momentum, averages and sums of losses, with their kind as prefix."""
    note: dict[str, Any]
    """Step, loss scale, skipped steps, job and data."""

    @property
    def num_steps_done(self) -> int:
        """How many steps had been trained."""
        return int(self.note["step"])

    @property
    def job(self) -> TrainingJob:
        """The training's job."""
        return TrainingJob.from_json(self.note["about"]["job"])

    @property
    def about(self) -> dict[str, Any]:
        """What `State.write` was given: job, data and changes, as JSON values."""
        return dict(self.note["about"])


class State:
    """Weights, momentum, moving averages, loss scale, sums of losses and number of steps of a run.

    Learning rate, batches, configs and random numbers are functions of the step, so that nothing
    else needs saving.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        ema: Ema,
        scaler: torch.amp.GradScaler,
        epoch_losses: Tensor,
    ) -> None:
        self.model, self.optimizer, self.ema = model, optimizer, ema
        self.scaler, self.epoch_losses = scaler, epoch_losses
        self.num_steps_done = 0
        self.num_skipped = 0
        """Steps that changed no weight, since float16 overflowed."""

    def write(self, folder: Path, about: Mapping[str, Any]) -> None:
        """Write the state; `about` is JSON that `read_state` returns.

        The state before stays in the folder until the next call, so that there is always a whole
        one. Raises CheckpointError where the folder cannot be written to.
        """
        weights = weights_of(self.model)
        tensors = {f"model.{name}": tensor for name, tensor in weights.tensors.items()}
        for name, parameter in self.model.named_parameters():
            buffer = self.optimizer.state.get(parameter, {}).get("momentum_buffer")
            if buffer is not None:
                tensors[f"momentum.{name}"] = buffer
        tensors |= {f"ema.{name}": tensor for name, tensor in self.ema.weights.items()}
        tensors["epoch_losses"] = self.epoch_losses
        tensors = _on_the_cpu(tensors)
        note = {
            "step": self.num_steps_done,
            "num_skipped": self.num_skipped,
            "scaler": self.scaler.state_dict(),
            "checksum": checksum(tensors),
            "extra_state": weights.extra_state,
            "module_metadata": weights.metadata,
            "about": dict(about),
        }
        write_tensors(folder / NEWEST, tensors, note, keep_as=folder / BEFORE)

    def load(self, saved: SavedState) -> None:
        """Take over what was saved. Raises CheckpointError if it is of another model."""
        tensors, note = saved.tensors, saved.note
        self.optimizer.state.clear()
        try:
            put_weights(
                self.model,
                Weights(
                    tensors=_with_prefix(tensors, "model."),
                    extra_state=note.get("extra_state", {}),
                    metadata=note.get("module_metadata"),
                ),
            )
            self.epoch_losses.copy_(tensors["epoch_losses"])
            for name, tensor in _with_prefix(tensors, "ema.").items():
                self.ema.weights[name].copy_(tensor)
            for name, tensor in _with_prefix(tensors, "momentum.").items():
                parameter = self.model.get_parameter(name)
                buffer = torch.empty_like(parameter).copy_(tensor)
                self.optimizer.state[parameter]["momentum_buffer"] = buffer
            if self.scaler.is_enabled() and note["scaler"]:  # --set dtype=... may have changed
                self.scaler.load_state_dict(note["scaler"])
            self.num_steps_done = note["step"]
            self.num_skipped = note["num_skipped"]
        except Exception as error:  # a module that loads its own state may raise anything
            raise CheckpointError(f"{saved.path} must fit the model, but does not") from error


def state_folder(run: Path) -> Path:
    """Where in a run's folder the state of its training is."""
    return run / "supernet" / "last"


def has_state(folder: Path) -> bool:
    """Whether a folder holds a state, whole or not."""
    return (folder / NEWEST).exists() or (folder / BEFORE).exists()


def read_state(folder: Path) -> SavedState:
    """The newest whole state of a folder; where that is the one before, one line says so.

    Raises CheckpointError if none is whole.
    """
    try:
        return _read(folder / NEWEST)
    except CheckpointError as error:
        if not (folder / BEFORE).exists():
            raise
        saved = _read(folder / BEFORE)
        print(
            f"the newest state is damaged, so this goes on from the one before, at step "
            f"{saved.num_steps_done}: {str(error).removesuffix(START_OVER)}",
            file=sys.stderr,
        )
        return saved


def read_state_before(saved: SavedState) -> SavedState | None:
    """The whole state before `saved`; None where there is none."""
    path = saved.path.with_name(BEFORE)
    try:
        return None if saved.path == path else _read(path)
    except CheckpointError:
        return None


def _read(path: Path) -> SavedState:
    tensors, note = read_tensors(path)
    try:
        saved = SavedState(path=path, tensors=tensors, note=note)
        saved.job, saved.num_steps_done, note["num_skipped"]
        saved.about["data"]["classes"], saved.about["data"]["splits"], saved.about["groups_sha256"]
        recorded = note["checksum"]
    except (KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(
            f"{path} must describe a training, but is of another version ({error}){START_OVER}"
        ) from error
    if recorded != checksum(tensors):
        raise CheckpointError(
            f"{path} must have the checksum that it records, but differs{START_OVER}"
        )
    return saved


def checksum(tensors: Mapping[str, Tensor]) -> int:
    """CRC-32 of all tensors' bytes, in the order of their names.

    safetensors itself checks sizes only; SHA-256 takes three times as long.
    """
    found = 0
    on_the_cpu = _on_the_cpu(tensors)
    for name in sorted(on_the_cpu):
        content = on_the_cpu[name].reshape(-1).view(torch.uint8).numpy()
        found = zlib.crc32(content.data, found)
    return found


def _on_the_cpu(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}


def _with_prefix(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
