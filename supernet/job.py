"""TrainingJob: everything that determines the weights of a run, as one value."""

from dataclasses import asdict, dataclass, field
from typing import Any

from supernet.errors import SupernetError
from supernet.recipe import RECIPES, Recipe
from supernet.space import SearchSpace


@dataclass(frozen=True, kw_only=True)
class TrainingJob:
    """What to train, on what and how. The defaults are the embedded example, for two CPU cores."""

    data: str = "fashion-mnist-mini"
    """Name or folder of the data; see `supernet.data.load_data`."""
    model: str = "wide_resnet"
    """Name of the network; see `supernet.models.build_model`."""
    model_options: dict[str, Any] = field(
        default_factory=lambda: {"depth": 10, "widen": 2, "stem_stride": 2}
    )
    """Keyword arguments of the network."""
    recipe: Recipe = RECIPES["mutual"]
    """How it is trained."""
    space: SearchSpace = field(default_factory=SearchSpace)
    """Widths and resolutions that it is trained for."""
    weights: str | None = None
    """File of weights to start from; see `supernet.pretrained.load_weights`."""
    sort_by_importance: bool = False
    """Whether channels are first ordered; see `supernet.importance.sort_by_importance`."""
    epochs: int = 17
    """Passes over the training images."""
    seed: int = 0
    """Of the weights, the splits, the order of images, the augmentation and the configs."""

    def __post_init__(self) -> None:
        """Raise SupernetError unless there is at least one epoch."""
        if self.epochs < 1:
            raise SupernetError(f"`epochs >= 1` must hold, but got {self.epochs}")

    def to_json(self) -> dict[str, Any]:
        """Plain values for supernet.json; `TrainingJob.from_json` reads them back."""
        return {
            "data": self.data,
            "model": self.model,
            "model_options": dict(self.model_options),
            "recipe": asdict(self.recipe),
            "space": self.space.to_json(),
            "weights": self.weights,
            "sort_by_importance": self.sort_by_importance,
            "epochs": self.epochs,
            "seed": self.seed,
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "TrainingJob":
        """The inverse of `to_json`."""
        return cls(
            **values
            | {
                "recipe": Recipe(**values["recipe"]),
                "space": SearchSpace.from_json(values["space"]),
            }
        )

    def differences(self, other: "TrainingJob") -> list[str]:
        """What differs, as lines like `epochs: 15 here, 20 there`."""
        mine, theirs = self.to_json(), other.to_json()
        return [
            f"{key}: {mine[key]} here, {theirs[key]} there"
            for key in mine
            if mine[key] != theirs[key]
        ]
