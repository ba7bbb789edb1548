"""How much of the paper's comparison is trained and scored."""

from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Budget:
    """How much is trained and scored."""

    model: str
    """The full network."""
    model_options: dict[str, Any]
    """Its options."""
    epochs: int
    """Of every system at equal steps, and of `mutual`."""
    batch_size: int
    lr: float
    """Of every system that isn't tuned."""
    dtype: str
    """What networks compute in while they are trained."""
    width_low: float
    """Lower bound of the widths."""
    independent_widths: tuple[float, ...]
    """Widths of the networks that are trained alone, the full one first."""
    lower_bounds: tuple[float, ...]
    """Other lower bounds that `mutual` is trained with."""
    num_widths: int
    """Of the grid that is scored."""
    num_seeds: int
    learning_rates: tuple[float, ...] = ()
    """Those that each system's is chosen from; empty if all are trained with `lr`."""
    tuning_epochs: int = 0
    """Of the trainings that it is chosen by."""


_SMALL = Budget(
    model="wide_resnet",
    model_options={"depth": 10, "widen": 1, "stem_stride": 2},
    epochs=3,
    batch_size=128,
    lr=0.1,
    dtype="float32",
    width_low=0.5,
    independent_widths=(1.0, 0.75, 0.5),
    lower_bounds=(0.25, 0.75),
    num_widths=5,
    num_seeds=2,
)

BUDGETS = {
    "toy": replace(_SMALL, epochs=1, num_widths=4, num_seeds=1),
    "small": _SMALL,
    "long": replace(_SMALL, epochs=12, learning_rates=(0.05, 0.1, 0.2), tuning_epochs=3),
    "full": replace(
        _SMALL,
        model_options={"depth": 16, "widen": 8},
        epochs=200,
        width_low=0.25,
        independent_widths=(1.0, 0.75, 0.5, 0.25),
        lower_bounds=(0.5, 0.7, 0.9),
        num_widths=16,
        num_seeds=3,
    ),
}
