"""Recipes as values: which subnets a step trains, at which resolutions, and what they learn from.

Each system that MutualNet (Yang et al., ECCV 2020) compares is one. No code asks for a name.
"""

from dataclasses import dataclass

from supernet.errors import SupernetError

RESOLUTIONS = ("own", "shared", "highest")
TEACHERS = ("step", "average")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What one step trains. The defaults are MutualNet's (sections 3.2 and 4.1)."""

    name: str = "mutual"
    """What `--recipe` calls it."""
    resolutions: str = "own"
    """"own": the full network at the highest, each other subnet at one that it draws; "shared": one
    draw a step for all of its subnets; "highest": all at the highest."""
    narrowest: bool = True
    """Whether a step trains the narrowest subnet."""
    num_random: int = 2
    """Subnets of random width in a step."""
    num_widths: int | None = None
    """Random widths are drawn from this many, evenly spaced; None: any in the range. Few shapes is
    what `--compile` needs."""
    width_skew: float = 1.0
    """Random widths are low + (high - low) u**width_skew, u uniform: above 1, narrow ones come more
    often."""
    teacher: str = "step"
    """Whose soft labels subnets learn from: the full network's as this "step" finds it, or as it is
    with the moving "average" of the weights (`ema_decay`)."""
    distillation: float = 1.0
    """Share of a subnet's loss that compares it with the full network's soft labels; the rest is
    cross-entropy with the labels. 0 switches distillation off."""
    temperature: float = 1.0
    """Of both softmaxes in the distillation; its loss is multiplied by the square."""

    def __post_init__(self) -> None:
        """Raise SupernetError where a field is out of its range."""
        if self.resolutions not in RESOLUTIONS:
            raise SupernetError(
                f"`resolutions` must be one of {', '.join(RESOLUTIONS)}, but got {self.resolutions}"
            )
        if self.num_random < 0 or (self.num_widths is not None and self.num_widths < 2):
            raise SupernetError(
                "`num_random >= 0` and `num_widths >= 2` must hold, "
                f"but got {self.num_random} and {self.num_widths}"
            )
        if self.teacher not in TEACHERS:
            raise SupernetError(
                f"`teacher` must be one of {', '.join(TEACHERS)}, but got {self.teacher}"
            )
        if self.width_skew <= 0:
            raise SupernetError(f"`width_skew > 0` must hold, but got {self.width_skew}")
        if not 0 <= self.distillation <= 1 or self.temperature <= 0:
            raise SupernetError(
                "`0 <= distillation <= 1` and `temperature > 0` must hold, "
                f"but got {self.distillation} and {self.temperature}"
            )

    @property
    def trains_widths(self) -> bool:
        """Whether it trains subnets besides the full network."""
        return self.narrowest or self.num_random > 0

    @property
    def subnet_names(self) -> list[str]:
        """What the subnets of a step are, in their order."""
        narrowest = ["narrowest"] if self.narrowest else []
        return ["full", *narrowest, *(f"random{i + 1}" for i in range(self.num_random))]


def _alone(name: str, resolutions: str) -> Recipe:
    return Recipe(name=name, resolutions=resolutions, narrowest=False, num_random=0)


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(name="mutual"),
        Recipe(name="us", resolutions="highest"),  # Yu & Huang 2019
        Recipe(name="us_multiscale", resolutions="shared"),
        _alone("independent", "highest"),
        _alone("multiscale", "shared"),
    )
}
"""All recipes by name: the systems of the paper's comparison (its table 3 and figure 5)."""
