"""TrainingJob: everything that determines the weights of a run, as one value."""

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from supernet.data.dataset import is_named, is_on_disk
from supernet.data.torchvision_sets import DEFAULT_ROOT
from supernet.errors import SupernetError
from supernet.job.hyperparameters import Hyperparameters
from supernet.job.recipe import RECIPES, Recipe
from supernet.space import SearchSpace

IMAGES_SHOWN, EPOCHS = 80_000, (5, 60)


@dataclass(frozen=True, kw_only=True)
class TrainingJob:
    """What to train, on what data and how. Defaults: the embedded example, for two CPU cores."""

    data: str = "fashion-mnist-mini"
    """Name or folder of the data; see `supernet.data.dataset.load_data`."""
    data_root: str = str(DEFAULT_ROOT)
    """Where torchvision's data sets are, or are downloaded to."""
    model: str = "wide_resnet"
    """Name of the network; see `supernet.models.build_model`."""
    model_options: dict[str, Any] = field(
        default_factory=lambda: {"depth": 10, "widen": 2, "stem_stride": 2}
    )
    """Keyword arguments of the network."""
    recipe: Recipe = RECIPES["mutual_hard_soft"]
    """What each step trains."""
    hyperparameters: Hyperparameters = field(default_factory=Hyperparameters)
    """How the weights are optimised."""
    space: SearchSpace = field(default_factory=SearchSpace)
    """Widths and resolutions to train for; where the recipe trains the full network only, the
    only width is 1."""
    weights: str | None = None
    """File with initial weights, see `supernet.models.pretrained.load_weights`; "imagenet": the
    published ones, see `supernet.models.cached_weights.weights_file`."""
    freeze: tuple[str, ...] = ()
    """Parameters that are not trained: beginnings of their names, such as "features.0"."""
    sort_by_importance: bool = False
    """Whether to sort the channels first; see `supernet.elastic.importance.sort_by_importance`."""
    epochs: int = 20
    """Passes over the training images; 0: as many as suit their number, see `with_epochs`."""
    seed: int = 0
    """Seed of the initial weights, splits, order of images, augmentation and configs."""

    def __post_init__(self) -> None:
        """Raise SupernetError where a field is out of range."""
        if self.epochs < 0:
            raise SupernetError(f"`epochs >= 0` must hold, but got {self.epochs}")
        if not 0 <= self.seed < 2**32:
            raise SupernetError(f"`0 <= seed < 2^32` must hold, but got {self.seed}")
        if not self.recipe.trains_widths:
            object.__setattr__(self, "space", replace(self.space, widths=(1.0,)))

    def with_epochs(self, num_images: int) -> "TrainingJob":
        """The job itself or, where it leaves the epochs open, with as many as suit its images.

        Enough to show IMAGES_SHOWN images, between the two bounds of EPOCHS.
        """
        if self.epochs:
            return self
        low, high = EPOCHS
        return replace(self, epochs=min(high, max(low, round(IMAGES_SHOWN / num_images))))

    def to_json(self) -> dict[str, Any]:
        """Plain values for supernet.json; `TrainingJob.from_json` reads them back."""
        return {
            "data": self.data,
            "data_root": self.data_root,
            "model": self.model,
            "model_options": dict(self.model_options),
            "recipe": asdict(self.recipe),
            "hyperparameters": asdict(self.hyperparameters),
            "space": self.space.to_json(),
            "weights": self.weights,
            "freeze": list(self.freeze),
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
                "freeze": tuple(values["freeze"]),
                "recipe": Recipe(**values["recipe"]),
                "hyperparameters": Hyperparameters(**values["hyperparameters"]),
                "space": SearchSpace.from_json(values["space"]),
            }
        )

    def changes_from(self, other: "TrainingJob") -> dict[str, tuple[Any, Any]]:
        """The fields that differ: `hyperparameters.lr` -> (value there, value here).

        `data_root` is not compared: data sets may move. Nor is `data` where both are folders, for
        which `Data.check_same` compares the images.
        """
        elsewhere = {"data_root"}
        if is_on_disk(self.data) and not is_named(other.data):
            elsewhere.add("data")
        mine, theirs = _flat(self.to_json()), _flat(other.to_json())
        return {
            key: (theirs.get(key), mine.get(key))
            for key in {**mine, **theirs}
            if key not in elsewhere and mine.get(key) != theirs.get(key)
        }


def _flat(values: dict[str, Any]) -> dict[str, Any]:
    """`{"recipe": {"name": ...}}` -> `{"recipe.name": ...}`."""
    nested = {
        f"{key}.{inner}": value
        for key, part in values.items()
        if isinstance(part, dict)
        for inner, value in part.items()
    }
    return {key: value for key, value in values.items() if not isinstance(value, dict)} | nested
