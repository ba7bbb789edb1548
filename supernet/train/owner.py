"""One owner of a run's folder: two trainings into it at once would mix their files."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from supernet.errors import CheckpointError


@contextmanager
def owner(run: Path) -> Iterator[None]:
    """Within `with`, this process alone trains into `run`; the system releases it after a kill.

    Raises CheckpointError, which names the owner, where another process trains into it.
    """
    folder = run / "supernet" / "last"
    name = folder / "owner"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / "owner.lock", timeout=0)
        lock.acquire()
    except Timeout as error:
        who = name.read_text(encoding="utf-8").strip() if name.is_file() else "another process"
        raise CheckpointError(
            f"{run} must have one training at a time, but {who} trains into it: wait until it "
            "ends, stop it, or choose another --out"
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
