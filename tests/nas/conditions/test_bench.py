from collections.abc import Callable
from typing import Any

import pytest

from nas.conditions.bench import Bench
from nas.errors import NasError


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_s": 0.0}, "seconds of a condition must be more than 0, but got 0.0"),
        ({"max_s": float("nan")}, "seconds of a condition must be more than 0, but got nan"),
        ({"minutes": 0}, "minutes of sustained must be more than 0, but got 0"),
        ({"num_busy_processes": -1}, "busy processes of contended must be more than 0, but got -1"),
    ],
)
def test_what_takes_no_time_is_refused(
    changes: dict[str, Any], message: str, new_bench: Callable[..., Bench]
) -> None:
    with pytest.raises(NasError) as error:
        new_bench((), **changes)
    assert str(error.value) == f"the {message}"
