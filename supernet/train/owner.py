"""One owner of a run's folder: two trainings into it at once would mix their files."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from supernet.errors import CheckpointError, OwnedError
from supernet.train.state import state_folder

BLINK_S = 0.2
"""Longer than `wait_until_free` holds a lock."""
POLL_S = 0.5


@contextmanager
def owner(run: Path) -> Iterator[None]:
    """Within `with`, this process alone trains into `run`; the system releases it after a kill.

    Raises OwnedError, which names the owner, where another process trains into it, and
    CheckpointError where the folder cannot be written.
    """
    folder = state_folder(run)
    name = folder / "owner"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / "owner.lock")
        lock.acquire(timeout=BLINK_S)
    except Timeout as error:
        raise OwnedError(
            f"{run} must have one training at a time, but {_who(run)} trains into it: wait until "
            "it ends, stop it, or choose another --out"
        ) from error
    except OSError as error:
        raise CheckpointError(
            f"{folder} must be writable, but got: {error}; choose another --out"
        ) from error
    try:
        name.write_text(f"process {os.getpid()} on {socket.gethostname()}\n", encoding="utf-8")
        yield
    finally:
        name.unlink(missing_ok=True)
        lock.release()


def wait_until_free(run: Path, tell: Callable[[str], None]) -> None:
    """Wait while another process trains into `run`, after `tell` got a line that names it."""
    path = state_folder(run) / "owner.lock"
    if not path.is_file():
        return
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        tell(f"{_who(run)} trains into {run}: waiting until it ends, to use what it trains")
        lock.acquire(poll_interval=POLL_S)
    lock.release()


def _who(run: Path) -> str:
    """The name of the process that trains into `run`."""
    try:
        found = (state_folder(run) / "owner").read_text(encoding="utf-8").strip()
    except OSError:  # it has not written its name yet, or has ended
        found = ""
    return found or "another process"
