import pytest

from nas.errors import RuntimeUnavailableError
from nas.threads import threads_to_use
from supernet.cores import Cores


@pytest.fixture(autouse=True)
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nas.threads.usable_cores", lambda: Cores(frozenset(range(16)), 2.0))


@pytest.mark.parametrize(("requested", "expected"), [(None, 2), (1, 1), (2, 2)])
def test_there_are_at_most_as_many_threads_as_cores(requested: int | None, expected: int) -> None:
    assert threads_to_use(requested) == expected


@pytest.mark.parametrize("requested", [-1, 0, 3, 16])
def test_others_are_one_clear_line(requested: int) -> None:
    with pytest.raises(RuntimeUnavailableError, match=f"but got {requested}") as caught:
        threads_to_use(requested)
    assert "\n" not in str(caught.value)
