"""Errors of the training side; every message is one line.

SupernetError (a ValueError)
+-- SpaceError        an invalid config or search space
+-- ModelError        a network that cannot be built, traced or run at a resolution
+-- DataError         images, labels or splits that cannot be used
+-- CheckpointError   a run's folder that cannot be read, resumed or written
    +-- OwnedError    another process trains into a run's folder

Commands print the message and exit with 2. It says what must hold, what was given and what to do.
"""

from supernet.tell import one_line

LONGEST_REASON = 100
"""Characters of another library's message that still leave a line readable."""


def reason_of(error: BaseException) -> str:
    """What an exception of somebody else's code says, as a part of a line.

    Its first line, and the next after a colon, shortened; the name of its class if it says nothing.
    """
    line, *rest = (str(error).strip() or type(error).__name__).splitlines()
    if line.endswith(":") and rest:
        line = f"{line} {rest[0].strip()}"
    return line if len(line) <= LONGEST_REASON else f"{line[: LONGEST_REASON - 3]}..."


class SupernetError(ValueError):
    """Root of all errors that `supernet` raises for invalid input."""

    def __init__(self, message: str) -> None:
        """Make the message one line, whatever names of files are in it."""
        super().__init__(one_line(message))


class SpaceError(SupernetError):
    """An invalid config or search space."""


class ModelError(SupernetError):
    """A network that cannot be built, traced or run at a resolution."""


class DataError(SupernetError):
    """Images, labels or splits that cannot be used."""


class CheckpointError(SupernetError):
    """A run's folder that cannot be read, resumed or written."""


class OwnedError(CheckpointError):
    """Another process trains into a run's folder."""
