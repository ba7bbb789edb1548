from supernet.recipe import RECIPES


def test_mutual_is_the_papers() -> None:
    recipe = RECIPES["mutual"]
    assert recipe.momentum == 0.9
    assert recipe.num_random == 2


def test_names_are_keys() -> None:
    assert all(name == recipe.name for name, recipe in RECIPES.items())
