"""Execution: where and how a job runs; nothing here is part of the job itself."""

from dataclasses import dataclass

from supernet.errors import SupernetError


@dataclass(frozen=True, kw_only=True)
class Execution:
    """Where a training runs, how often it saves and evaluates, and what it logs."""

    device: str | None = None
    """cpu, cuda, cuda:1; None: CUDA where available, under torchrun one device per process."""
    save_every_s: float = 15.0
    """Time between saves of the training state: the most that a kill can cost."""
    evaluate_every: int | None = None
    """Epochs between evaluations of the corners (the last epoch is always one); 0: never; None:
    a quarter of the epochs, at most 10."""
    tensorboard: bool = False
    """Whether metrics are also written to RUN/supernet/tensorboard."""
    compile: bool = False
    """Whether networks run through torch.compile; each shape is compiled once."""
    graphs: bool = False
    """Whether steps replay CUDA graphs, one of each config; see `supernet.train.step_graphs`."""
    depthwise_kernels: bool = False
    """Whether depthwise convolutions on CUDA train by `supernet.train.depthwise_on_gpu`."""

    strict: bool = False
    """Whether images that cannot be decoded end a training before it begins, rather than being left
    out."""

    def __post_init__(self) -> None:
        """Raise SupernetError where a field is out of range."""
        if self.save_every_s < 0 or (self.evaluate_every or 0) < 0:
            raise SupernetError(
                "`save_every_s >= 0` and `evaluate_every >= 0` must hold, "
                f"but got {self.save_every_s} and {self.evaluate_every}"
            )
        if self.compile and self.graphs:
            raise SupernetError("only one of `compile` and `graphs` may be chosen, but got both")
