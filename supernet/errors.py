"""Errors of the training side; every message is one line.

SupernetError (a ValueError)
+-- SpaceError        an invalid config or search space
+-- ModelError        a network that cannot be built, traced or run at a resolution
+-- DataError         images, labels or splits that cannot be used
+-- CheckpointError   a run's folder that cannot be read, resumed or written
    +-- OwnedError    another process trains into a run's folder

Commands print the message and exit with 2. It says what must hold, what was given and what to do.
"""


class SupernetError(ValueError):
    """Root of all errors that `supernet` raises for invalid input."""


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
