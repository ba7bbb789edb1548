"""What the tests of searching share."""

from collections.abc import Iterator
from sqlite3 import Connection

import pytest
from sqlalchemy import Engine, event


def without_fsync(connection: object, _: object) -> None:
    if isinstance(connection, Connection):
        connection.execute("PRAGMA synchronous = OFF")


@pytest.fixture(autouse=True, scope="session")
def quick_commits() -> Iterator[None]:
    """SQLite does not wait for the disk at each commit; only a power cut could tell."""
    event.listen(Engine, "connect", without_fsync)
    yield
    event.remove(Engine, "connect", without_fsync)
