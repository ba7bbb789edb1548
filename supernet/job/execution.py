"""Execution: how a job is run and watched; none of it is part of what is trained."""

from dataclasses import dataclass

from supernet.errors import SupernetError


@dataclass(frozen=True, kw_only=True)
class Execution:
    """Where a training runs, and what it leaves behind on the way."""

    device: str | None = None
    """cpu, cuda, cuda:1; None: the best there is, under torchrun one for each process."""
    save_every_s: float = 15.0
    """Seconds of training that a kill can cost."""
    evaluate_every: int = 10
    """Epochs between two looks at the four corners, besides the last one; 0: never."""
    tensorboard: bool = False
    """Whether metrics go to RUN/supernet/tensorboard too."""
    compile: bool = False
    """Whether networks run through torch.compile; each of their shapes is compiled once."""

    def __post_init__(self) -> None:
        """Raise SupernetError where a field is out of its range."""
        if self.save_every_s < 0 or self.evaluate_every < 0:
            raise SupernetError(
                "`save_every_s >= 0` and `evaluate_every >= 0` must hold, "
                f"but got {self.save_every_s} and {self.evaluate_every}"
            )
