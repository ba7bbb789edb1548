"""Recipes: which subnets a step trains, at which resolutions, and what they learn from.

Each system that MutualNet (Yang et al., ECCV 2020) compares is one. No code branches on a name.
"""

from dataclasses import dataclass

from supernet.errors import SupernetError

RESOLUTIONS = ("own", "shared", "highest")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What one step trains. The defaults are MutualNet's (sections 3.2 and 4.1)."""

    name: str = "mutual"
    """Its name for `--recipe`."""
    resolutions: str = "own"
    """"own": the full network at the highest, each other subnet at a random one; "shared": one
    random resolution per step for all subnets; "highest": all at the highest."""
    narrowest: bool = True
    """Whether a step trains the narrowest subnet."""
    num_random: int = 2
    """Subnets of random width per step."""
    pool: int | None = None
    """How many widths of all channel groups together random subnets are drawn from, which the seed
    fixes, so that their shapes recur; None: from all of the space's."""
    distillation: float = 1.0
    """Weight of the divergence from the full network's soft labels in a subnet's loss; the rest is
    cross-entropy with the hard labels. 0 switches distillation off."""

    def __post_init__(self) -> None:
        """Raise SupernetError where a field is out of range."""
        if self.resolutions not in RESOLUTIONS:
            raise SupernetError(
                f"`resolutions` must be one of {', '.join(RESOLUTIONS)}, but got {self.resolutions}"
            )
        if self.num_random < 0:
            raise SupernetError(f"`num_random >= 0` must hold, but got {self.num_random}")
        if self.pool is not None and self.pool < 1:
            raise SupernetError(f"`pool >= 1` must hold, but got {self.pool}")
        if not 0 <= self.distillation <= 1:
            raise SupernetError(f"`0 <= distillation <= 1` must hold, but got {self.distillation}")

    @property
    def trains_widths(self) -> bool:
        """Whether a step trains subnets besides the full network."""
        return self.narrowest or self.num_random > 0

    @property
    def subnet_names(self) -> list[str]:
        """Names of the subnets of a step, in order."""
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
        # Hard labels and the teacher's soft labels, mixed half and half.
        Recipe(name="mutual_hard_soft", num_random=1, distillation=0.5),
    )
}
"""All recipes by name: the systems of the paper's comparison (its table 3 and figure 5), and the
default, `mutual_hard_soft`, which is above `mutual` at equal cost (docs/paper.md)."""
