import ctypes
import platform

import pytest

from planner.freed_memory import return_freed_memory


def test_it_runs_on_this_system() -> None:
    return_freed_memory()


@pytest.mark.parametrize("system", ["Windows", "Darwin"])
def test_elsewhere_no_library_is_opened(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows refuses `ctypes.CDLL(None)` with a TypeError."""

    def refused(*_: object) -> None:
        raise TypeError("argument of type 'NoneType' is not iterable")

    monkeypatch.setattr(ctypes, "CDLL", refused)
    monkeypatch.setattr(platform, "system", lambda: system)
    return_freed_memory()


def test_a_c_library_without_the_call_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    return_freed_memory()
