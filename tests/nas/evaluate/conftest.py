"""What the tests of evaluating share."""

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """A runtime takes one thread where none is asked for.

    Two threads on two busy cores wait for each other a hundred times as long as they compute.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.sched_getaffinity", lambda _: {0})
        yield
