import pytest

from supernet.errors import SupernetError
from supernet.job.execution import Execution


def test_a_negative_interval_is_refused() -> None:
    assert Execution().device is None
    with pytest.raises(SupernetError, match="evaluate_every >= 0"):
        Execution(evaluate_every=-1)


def test_a_step_is_compiled_or_recorded() -> None:
    with pytest.raises(SupernetError, match="only one of `compile` and `graphs`"):
        Execution(compile=True, graphs=True)
