"""State: everything needed to resume a training, in one file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from supernet.checkpoint import read_tensors, write_tensors
from supernet.errors import CheckpointError
from supernet.job.training_job import TrainingJob
from supernet.train.ema import Ema
from supernet.weights import Weights, put_weights, weights_of


def state_path(run: Path) -> Path:
    """The state in a run's folder from which an unfinished training resumes."""
    return run / "supernet" / "last" / "state.safetensors"


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

    def write(self, path: Path, about: Mapping[str, Any]) -> None:
        """Write the state; `about` is JSON that `read` returns."""
        weights = weights_of(self.model)
        tensors = {f"model.{name}": tensor for name, tensor in weights.tensors.items()}
        for name, parameter in self.model.named_parameters():
            buffer = self.optimizer.state.get(parameter, {}).get("momentum_buffer")
            if buffer is not None:
                tensors[f"momentum.{name}"] = buffer
        tensors |= {f"ema.{name}": tensor for name, tensor in self.ema.weights.items()}
        tensors["epoch_losses"] = self.epoch_losses
        note = {
            "step": self.num_steps_done,
            "scaler": self.scaler.state_dict(),
            "extra_state": weights.extra_state,
            "module_metadata": weights.metadata,
            "about": dict(about),
        }
        write_tensors(path, tensors, note)

    def read(self, path: Path) -> dict[str, Any]:
        """Load the state from a file; return its `about`.

        Raises CheckpointError if it is damaged or of another model.
        """
        tensors, note = read_tensors(path)
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
            self.scaler.load_state_dict(note["scaler"])
            self.num_steps_done = note["step"]
        except Exception as error:  # a module that loads its own state may raise anything
            raise CheckpointError(f"{path} must fit the model, but does not") from error
        return note["about"]  # type: ignore[no-any-return]


def read_about(path: Path) -> dict[str, Any]:
    """The `about` of a state: job and data. Raises CheckpointError if it is damaged."""
    try:
        about: dict[str, Any] = read_tensors(path)[1]["about"]
        TrainingJob.from_json(about["job"])
        about["data"]["classes"], about["data"]["splits"]
    except (KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(
            f"{path} must describe a training, but is of another version ({error}); "
            "delete it to start over"
        ) from error
    return about


def _with_prefix(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
