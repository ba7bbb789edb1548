import gc

import pytest

from planner.collector import paused_collector


@paused_collector()
def fail() -> None:
    assert not gc.isenabled()
    raise KeyError


def test_garbage_collection_resumes_after_an_error() -> None:
    assert gc.isenabled()
    with pytest.raises(KeyError):
        fail()
    assert gc.isenabled()


def test_disabled_garbage_collection_stays_disabled() -> None:
    gc.disable()
    with paused_collector():
        pass
    assert not gc.isenabled()
    gc.enable()
