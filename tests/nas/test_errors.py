import re

import nas.errors
from nas.errors import NasError


def test_the_tree_drawn_on_top_is_the_tree() -> None:
    drawn = set(re.findall(r"\+-- (\w+)", nas.errors.__doc__ or ""))
    classes = {name: kind for name, kind in vars(nas.errors).items() if isinstance(kind, type)}
    assert drawn == set(classes)
    assert all(issubclass(kind, NasError) and kind.__doc__ for kind in classes.values())
    assert issubclass(NasError, ValueError)
