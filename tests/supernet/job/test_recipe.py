from dataclasses import replace

import pytest

from supernet.errors import SupernetError
from supernet.job.recipe import RECIPES, Recipe


def test_mutual_is_the_papers() -> None:
    assert RECIPES["mutual"] == Recipe()
    assert RECIPES["mutual"].subnet_names == ["full", "narrowest", "random1", "random2"]


def test_every_system_of_the_comparison_is_there() -> None:
    papers = {"mutual", "us", "us_multiscale", "independent", "multiscale"}
    assert set(RECIPES) == papers | {"mutual_hard_soft"}
    assert all(name == recipe.name for name, recipe in RECIPES.items())
    trained = {name for name, recipe in RECIPES.items() if recipe.trains_widths}
    assert trained == {"mutual", "mutual_hard_soft", "us", "us_multiscale"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"resolutions": "mine"}, "must be one of own, shared, highest"),
        ({"num_random": -1}, "num_random >= 0"),
        ({"pool": 0}, "pool >= 1"),
        ({"distillation": 1.5}, "0 <= distillation <= 1"),
    ],
)
def test_a_field_out_of_range_is_refused(changes: dict[str, float], words: str) -> None:
    with pytest.raises(SupernetError, match=words):
        replace(RECIPES["mutual"], **changes)  # type: ignore[arg-type]
