"""A progress bar for work that is measured in time: the share that is done, and the time left."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from supernet.bar import Bar


@contextmanager
def share_bar(what: str) -> Iterator[Callable[[float], None]]:
    """Yield a function that moves the bar to a share, 0 to 1."""
    with Bar(total=1.0, desc=what, bar_format="{l_bar}{bar}| {elapsed}<{remaining}") as bar:

        def show(share: float) -> None:
            bar.update(share - bar.n)

        yield show
